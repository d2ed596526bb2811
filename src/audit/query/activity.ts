import type { Knex } from 'knex'
import type { RowsWanted } from '../../storage/keyset.ts'
import { definitionOf } from '../events/audit-event.ts'
import { isReported, isUnknownTool } from '../events/tool.ts'
import { type ActivityRow, newestEventsOf } from './activity-store.ts'
import { eventKeys, type Place } from './search-path-store.ts'

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
  const named = isUnknownTool({ tool, detail }) ? '' : (tool ?? detail?.method)
  const address = type === 'tool.decided' ? 0 : ip
  return JSON.stringify([type, hour, grant_id, client_id, named, isReported(detail), address])
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

/** One page, of what 5,000 events tell. Throws `invalid_input` for an invalid cursor. */
export async function pageOfActivity(
  db: Knex,
  account_id: string,
  { after, events = PAGE_EVENTS }: { after?: string | undefined; events?: number } = {},
): Promise<{ activity: Activity[]; next?: string }> {
  const list = (wanted: RowsWanted<Place>) => newestEventsOf(db, account_id, wanted)
  const { rows, ...more } = await eventKeys.page({ limit: events, after }, list)
  return { activity: groupActivity(rows), ...more }
}
