import type { Knex } from 'knex'
import { AppError } from '../../errors.ts'
import { type AuditType, auditText } from '../audit-event.ts'
import type { AuditRow } from '../chain/hash-chain.ts'

/** Reads of audit_events: pages for people, scans for exports and stories. */
export type AuditFilter = {
  type?: AuditType | undefined
  account_id?: string | undefined
  client_id?: string | undefined
  grant_id?: string | undefined
  token_id?: string | undefined
  tool?: string | undefined
  resource?: string | undefined
  decision?: string | undefined
  request_id?: string | undefined
  /** Inclusive. */
  from?: Date | undefined
  /** Exclusive. */
  to?: Date | undefined
}

const TABLE = 'audit_events'
const TEXT_FILTERS = [
  'account_id',
  'client_id',
  'grant_id',
  'token_id',
  'tool',
  'resource',
  'decision',
  'request_id',
] as const
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
  const lead = LEADS.find((column) => filter[column] !== undefined)
  const { [lead ?? 'type']: led, ...rest } = filter
  const query = filtered(db, lead ? rest : filter)
  if (lead && led !== undefined) leadBy(query, lead, led)
  query
    .orderBy([
      ...(lead ? [{ column: lead, order: 'desc' as const }] : []),
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

/** Columns that have an index with the time. */
const LEADS = ['account_id', 'tool'] as const

/**
 * Rows of one account or tool, said so that only the index by it and the time gives them in order: not as an equality
 * but as two bounds. By a stale idea of who calls what, Postgres would rather go back through all of the newest events.
 */
function leadBy(query: Knex.QueryBuilder, column: (typeof LEADS)[number], named: string): void {
  const value = auditText(named, 2_048) ?? ''
  query.where(column, '>=', value).where(column, '<=', value)
}

/**
 * Everything that matches, oldest first, in pages of `rows`, each a statement of its own, so that neither memory nor
 * the time of a statement grows with the log. Rows committed while it runs may or may not be part.
 */
export async function* scanEvents(db: Knex, filter: AuditFilter, rows = 1_000): AsyncGenerator<AuditRow[]> {
  let after: AuditRow | undefined
  do {
    const query = filtered(db, filter).orderBy(['occurred_at', 'writer_id', 'seq']).limit(rows)
    if (after)
      query
        .where('occurred_at', '>=', after.occurred_at)
        .whereRaw('(occurred_at, writer_id, seq) > (?::timestamptz, ?::uuid, ?::bigint)', [
          after.occurred_at,
          after.writer_id,
          after.seq,
        ])
    const page: AuditRow[] = (await query).map(eventOfRow)
    if (page.length > 0) yield page
    after = page.length === rows ? page.at(-1) : undefined
  } while (after)
}

export type StoredRow = Omit<AuditRow, 'seq'> & { seq: string | number }

/** A stored row as an event; a bigint may arrive as text. */
export function eventOfRow(row: StoredRow): AuditRow {
  return { ...row, seq: Number(row.seq) }
}

/** The rows that match, in no order. Throws `invalid_input` for a date that is none. */
export function filtered(db: Knex, filter: AuditFilter): Knex.QueryBuilder<StoredRow, StoredRow[]> {
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
