import type { Knex } from 'knex'
import { AppError } from '../../base/errors.ts'
import { definitionOf } from '../events/audit-event.ts'
import { type ActivityKey, type ActivityRow, newestEventsOf } from './activity-store.ts'

/** What happened with an account, newest first, as its person reads it: many calls of an hour are one line. */
export type Activity = {
  /** When it happened, or of several the last. */
  at: Date
  /** How many events it stands for; calls of one tool by one app within an hour are one. */
  count: number
  /** Of those, how many were denied. */
  denied: number
  event: ActivityRow
}

const HOUR_MS = 3_600_000
/** Few enough that they are read well within 200 ms. */
const PAGE_EVENTS = 5_000

function keyOf({ type, occurred_at, grant_id, client_id, tool, detail, ip }: ActivityRow): string {
  const hour = Math.floor(occurred_at.getTime() / HOUR_MS)
  return JSON.stringify([
    type,
    hour,
    grant_id,
    client_id,
    tool ?? detail?.method,
    type === 'tool.decided' ? 0 : ip,
  ])
}

/** Takes events newest first and gives what is told of them in the same order. */
export function groupActivity(events: Iterable<ActivityRow>): Activity[] {
  const told: Activity[] = []
  const groups = new Map<string, Activity>()
  for (const event of events) {
    const definition = definitionOf(event.type)
    if (!definition?.personal) continue
    const key = definition.is_counted ? keyOf(event) : undefined
    const known = key === undefined ? undefined : groups.get(key)
    const entry = known ?? { at: event.occurred_at, count: 0, denied: 0, event }
    entry.count += 1
    if (event.decision === 'denied') entry.denied += 1
    if (known) continue
    told.push(entry)
    if (key !== undefined) groups.set(key, entry)
  }
  return told
}

/**
 * One page, of what 5,000 events tell. `after` is the `next` of the page before; throws `invalid_input` for one that no
 * page gave.
 */
export async function pageOfActivity(
  db: Knex,
  account_id: string,
  { after, events = PAGE_EVENTS }: { after?: string | undefined; events?: number } = {},
): Promise<{ activity: Activity[]; next?: string }> {
  const key = after === undefined ? undefined : readCursor(after)
  const rows = await newestEventsOf(db, account_id, { after: key, limit: events + 1 })
  const read = rows.slice(0, events)
  const last = read.at(-1)
  const activity = groupActivity(read)
  return rows.length > events && last ? { activity, next: writeCursor(last) } : { activity }
}

function writeCursor({ occurred_at, writer_id, seq }: ActivityKey): string {
  return Buffer.from(JSON.stringify([occurred_at.getTime(), writer_id, seq])).toString('base64url')
}

const CURSOR = /^\[(\d{1,14}),"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})","(\d{1,15})"\]$/

function readCursor(cursor: string): ActivityKey {
  const [, time, writer_id, seq] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('utf8')) ?? []
  if (time === undefined || writer_id === undefined || seq === undefined)
    throw new AppError('invalid_input', 'The cursor is none that a page of activity gave')
  return { occurred_at: new Date(Number(time)), writer_id, seq }
}
