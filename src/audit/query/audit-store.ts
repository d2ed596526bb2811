import type { Knex } from 'knex'
import { auditText } from '../../audit-chain/event-fields.ts'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { AppError } from '../../base/errors.ts'
import { type AuditFilter, TEXT_FILTERS } from './audit-filter.ts'
import {
  edgeOf,
  eventKeys,
  FIRST,
  inOrder,
  LAST,
  type Order,
  onPath,
  type Place,
  pastPlace,
  pastTime,
  pathOf,
  type SearchPath,
  timesOfRequest,
} from './search-path-store.ts'

/** Reads of audit_events: pages for people, scans for exports and stories. */
const TABLE = 'audit_events'
const PAGE_MAX = 1_000
/** What is looked through well within 200 ms. */
const WINDOW_ROWS = 50_000

/** A page of events. `searched_to`: nothing older was looked at; `next` goes on there. */
export type EventPage = { events: AuditRow[]; next?: string; searched_to?: Date }

/**
 * One page, newest first, of at most `limit` (1 to 1,000) events. `after` is the `next` of the page before. A filter
 * that no index answers looks through `window` rows: the page may then have fewer events, or none, and still a `next`.
 * Throws `invalid_input` for an invalid cursor or date.
 */
export async function pageEvents(
  db: Knex,
  filter: AuditFilter & { after?: string | undefined },
  limit: number,
  window = WINDOW_ROWS,
): Promise<EventPage> {
  const size = Math.min(Math.max(Math.trunc(limit) || 1, 1), PAGE_MAX)
  const known = await withTimesOfRequest(db, filter)
  if (!known) return { events: [] }
  const path = pathOf(known)
  const after = eventKeys.read(filter.after)
  const { rows, edge } = await walk(db, known, { path, order: 'desc', after, limit: size + 1, window })
  const events = rows.slice(0, size)
  const last = events.at(-1)
  if (rows.length > size && last) return { events, next: eventKeys.write(last) }
  if (!edge) return { events }
  return { events, next: eventKeys.write({ occurred_at: edge, ...FIRST }), searched_to: edge }
}

/**
 * Everything that matches, oldest first, in pages of at most `limit`, each a statement of its own, so that neither
 * memory nor the time of a statement grows with the log. Rows committed while it runs may or may not be part.
 */
export async function* scanEvents(
  db: Knex,
  filter: AuditFilter,
  limit = 1_000,
  window = WINDOW_ROWS,
): AsyncGenerator<AuditRow[]> {
  const known = await withTimesOfRequest(db, filter)
  if (!known) return
  const path = pathOf(known)
  let after: Place | undefined
  do {
    const { rows, edge } = await walk(db, known, { path, order: 'asc', after, limit, window })
    if (rows.length > 0) yield rows
    after = rows.length === limit ? rows.at(-1) : edge && { occurred_at: edge, ...LAST }
  } while (after)
}

type Walk = { path: SearchPath; order: Order; after: Place | undefined; limit: number; window: number }

/** What one statement finds along the path. `edge`: how far it looked; undefined where it could look to the end. */
async function walk(
  db: Knex,
  { from, to }: AuditFilter,
  { path, order, after, limit, window }: Walk,
): Promise<{ rows: AuditRow[]; edge: Date | undefined }> {
  const along = (query: Knex.QueryBuilder) =>
    pastTime(inPeriod(onPath(query, path), { from, to }), order, after)
  const edge = path.is_whole ? undefined : await edgeOf(db, along, order, path, window)
  const query = pastPlace(onPath(filtered(db, { ...path.rest, from, to }), path), order, after)
  query.orderBy(inOrder(order, path)).limit(limit)
  if (edge) query.where('occurred_at', order === 'desc' ? '>=' : '<=', edge)
  const rows: StoredRow[] = await query
  return { rows: rows.map(eventOfRow), edge }
}

/** The same filter, within the times of the request that it names; undefined when nothing is recorded of that. */
async function withTimesOfRequest(db: Knex, filter: AuditFilter): Promise<AuditFilter | undefined> {
  const request_id = auditText(filter.request_id, 2_048)
  if (request_id === undefined) return filter
  const times = await timesOfRequest(db, request_id)
  if (!times) return undefined
  const { first, last } = times
  const end = new Date(last.getTime() + 1)
  const from = filter.from !== undefined && assertDate(filter.from) > first ? filter.from : first
  const to = filter.to !== undefined && assertDate(filter.to) < end ? filter.to : end
  return { ...filter, from, to }
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
  if (filter.types !== undefined) query.whereIn('type', filter.types)
  if (filter.actor !== undefined) {
    const [actor_kind = '', ...id] = filter.actor.split(':')
    query.where('actor_kind', actor_kind)
    if (id.length > 0) query.where('actor_id', auditText(id.join(':'), 2_048) ?? '')
  }
  for (const column of TEXT_FILTERS) {
    // Cleaned as the stored text was, so that whatever was recorded can be asked for.
    const value = auditText(filter[column], 2_048)
    if (value !== undefined) query.where(column, value)
  }
  return inPeriod(query, filter) as Knex.QueryBuilder<StoredRow, StoredRow[]>
}

/** Throws `invalid_input` for a date that is none. */
export function inPeriod(
  query: Knex.QueryBuilder,
  { from, to }: Pick<AuditFilter, 'from' | 'to'>,
): Knex.QueryBuilder {
  if (from !== undefined) query.where('occurred_at', '>=', assertDate(from))
  if (to !== undefined) query.where('occurred_at', '<', assertDate(to))
  return query
}

function assertDate(date: Date): Date {
  if (Number.isNaN(date.getTime())) throw new AppError('invalid_input', 'Not a date and time')
  return date
}
