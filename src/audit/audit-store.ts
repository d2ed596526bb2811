import type { Knex } from 'knex'
import { AppError } from '../errors.ts'
import { type AuditType, auditText } from './audit-event.ts'
import type { AuditRow } from './hash-chain.ts'

/** Reads of audit_events: pages for people and a live tail. */
export type AuditFilter = {
  type?: AuditType | undefined
  account_id?: string | undefined
  client_id?: string | undefined
  grant_id?: string | undefined
  token_id?: string | undefined
  tool?: string | undefined
  /** Inclusive. */
  from?: Date | undefined
  /** Exclusive. */
  to?: Date | undefined
}

const TABLE = 'audit_events'
const TEXT_FILTERS = ['account_id', 'client_id', 'grant_id', 'token_id', 'tool'] as const
const PAGE_MAX = 1_000

/**
 * One page, newest first, of at most `limit` (1 to 1,000) events. `after` is the `next` of the page before.
 * Throws `invalid_input` for a cursor that no page gave or a date that is none.
 */
export async function pageEvents(
  db: Knex,
  filter: AuditFilter & { after?: string | undefined },
  limit: number,
): Promise<{ events: AuditRow[]; next?: string }> {
  const size = Math.min(Math.max(Math.trunc(limit) || 1, 1), PAGE_MAX)
  const query = filtered(db, filter)
    .orderBy([
      { column: 'occurred_at', order: 'desc' },
      { column: 'writer_id', order: 'desc' },
      { column: 'seq', order: 'desc' },
    ])
    .limit(size + 1)
  if (filter.after !== undefined) {
    const { occurred_at, writer_id, seq } = readCursor(filter.after)
    // The first condition lets Postgres skip partitions; it does not for a comparison of rows.
    query
      .where('occurred_at', '<=', occurred_at)
      .whereRaw('(occurred_at, writer_id, seq) < (?::timestamptz, ?::uuid, ?::bigint)', [
        occurred_at,
        writer_id,
        seq,
      ])
  }
  const rows = (await query).map(eventOfRow)
  const events = rows.slice(0, size)
  const last = events.at(-1)
  return rows.length > size && last ? { events, next: writeCursor(last) } : { events }
}

/** Where a tail stands: the last seq it knows of each writer, and from when on it looks. */
export type FollowPosition = { since: Date; heads: ReadonlyMap<string, number> }

/** Clocks of processes may differ by this, and a transaction may last this long, before a tail misses an event. */
const FOLLOW_WINDOW_MS = 60_000

/** The position after everything that is committed now. */
export async function followFromNow(db: Knex): Promise<FollowPosition> {
  const since = new Date((await databaseTime(db)).getTime() - FOLLOW_WINDOW_MS)
  const rows: { writer_id: string; seq: string | number }[] = await db(TABLE)
    .where('occurred_at', '>=', since)
    .groupBy('writer_id')
    .select('writer_id', db.raw('max(seq) as seq'))
  return { since, heads: new Map(rows.map(({ writer_id, seq }) => [writer_id, Number(seq)])) }
}

/**
 * What was committed after `position`, oldest first, at most 1,000 events, and the next position. Rows of one
 * writer become visible in the order of their seq, so that the last seq of each writer is a cursor that misses nothing.
 */
export async function followEvents(
  db: Knex,
  filter: AuditFilter,
  position: FollowPosition,
): Promise<{ events: AuditRow[]; position: FollowPosition }> {
  const now = await databaseTime(db)
  const known = [[...position.heads.keys()], [...position.heads.values()]]
  const rows = await filtered(db, filter)
    .where('occurred_at', '>=', position.since)
    .whereRaw(
      `not exists (select from unnest(?::uuid[], ?::bigint[]) as known(writer_id, seq)
                   where known.writer_id = audit_events.writer_id and known.seq >= audit_events.seq)`,
      known as never,
    )
    .orderBy(['writer_id', 'seq'])
    .limit(PAGE_MAX)
  const events = rows.map(eventOfRow)
  const heads = new Map(position.heads)
  for (const { writer_id, seq } of events) heads.set(writer_id, seq)
  const is_full = events.length === PAGE_MAX
  const since = is_full ? position.since : new Date(now.getTime() - FOLLOW_WINDOW_MS)
  events.sort((a, b) => a.occurred_at.getTime() - b.occurred_at.getTime())
  return { events, position: { since, heads } }
}

export type StoredRow = Omit<AuditRow, 'seq'> & { seq: string | number }

/** A bigint may arrive as text. */
/** A stored row as an event. */
export function eventOfRow(row: StoredRow): AuditRow {
  return { ...row, seq: Number(row.seq) }
}

function filtered(db: Knex, filter: AuditFilter): Knex.QueryBuilder<StoredRow, StoredRow[]> {
  const query = db<StoredRow, StoredRow[]>(TABLE)
  if (filter.type !== undefined) query.where('type', filter.type)
  for (const column of TEXT_FILTERS) {
    // Cleaned as the stored text was, so that whatever was recorded can be asked for.
    const value = auditText(filter[column], 2_048)
    if (value !== undefined) query.where(column, value)
  }
  if (filter.from !== undefined) query.where('occurred_at', '>=', assertDate(filter.from))
  if (filter.to !== undefined) query.where('occurred_at', '<', assertDate(filter.to))
  return query
}

function assertDate(date: Date): Date {
  if (Number.isNaN(date.getTime())) throw new AppError('invalid_input', 'Not a date and time')
  return date
}

async function databaseTime(db: Knex): Promise<Date> {
  const result: { rows: [{ now: Date }] } = await db.raw('select now() as now')
  return result.rows[0].now
}

const CURSOR =
  /^(?<time>\d{1,14})~(?<writer_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})~(?<seq>\d{1,15})$/

function writeCursor({ occurred_at, writer_id, seq }: AuditRow): string {
  return `${occurred_at.getTime()}~${writer_id}~${seq}`
}

function readCursor(cursor: string): { occurred_at: Date; writer_id: string; seq: number } {
  const { time, writer_id, seq } = CURSOR.exec(cursor)?.groups ?? {}
  if (time === undefined || writer_id === undefined || seq === undefined)
    throw new AppError('invalid_input', 'The cursor is none that a page of events gave')
  return { occurred_at: new Date(Number(time)), writer_id, seq: Number(seq) }
}
