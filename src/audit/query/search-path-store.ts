import type { Knex } from 'knex'
import { z } from 'zod'
import { auditText } from '../../audit-chain/event-fields.ts'
import { keyset, milliseconds } from '../../storage/keyset.ts'
import { FREQUENT_TYPES } from '../events/audit-event.ts'
import type { AuditFilter } from './audit-filter.ts'

/**
 * How events are found in the order of their time whatever they are looked for by: along an index, and where that does
 * not answer the whole question, only so many rows of it at a time.
 */
type Lead = 'account_id' | 'tool' | 'type'

export type SearchPath = {
  /** The column whose index with the time is gone along; none: that of the time alone. */
  lead: { column: Lead; value: string } | undefined
  /** What the index does not answer. */
  rest: AuditFilter
  /** Every row along the index matches. */
  is_whole: boolean
}

export type Order = 'asc' | 'desc'

/** Where a row stands. */
export type Place = { occurred_at: Date; writer_id: string; seq: number }

/** Pages of events in the order of the log. */
export const eventKeys = keyset<Place>(
  z.object({ occurred_at: milliseconds, writer_id: z.guid().toLowerCase(), seq: z.int().min(0) }),
)

/** The rows of which there is an index by each of their ids. */
export const RARE = `type not in (${FREQUENT_TYPES.map((type) => `'${type}'`).join(', ')})`

/** Before and after whatever is of one moment. */
export const FIRST = { writer_id: '00000000-0000-0000-0000-000000000000', seq: 0 }
export const LAST = { writer_id: 'ffffffff-ffff-ffff-ffff-ffffffffffff', seq: Number.MAX_SAFE_INTEGER }

export function pathOf({ from: _, to: __, ...filter }: AuditFilter): SearchPath {
  const column = leadOf(filter)
  const { [column ?? 'type']: led, ...others } = filter
  const rest = column === undefined ? filter : others
  const is_whole = Object.values(rest).every((value) => value === undefined)
  if (column === undefined || led === undefined) return { lead: undefined, rest, is_whole }
  return { lead: { column, value: auditText(led, 2_048) ?? '' }, rest, is_whole }
}

function leadOf({ type, account_id, tool }: AuditFilter): Lead | undefined {
  if (type !== undefined && !FREQUENT_TYPES.includes(type)) return 'type'
  if (account_id !== undefined) return 'account_id'
  return tool === undefined ? undefined : 'tool'
}

/**
 * Rows along the path, said so that only the index by its column and the time gives them in order: not as an equality
 * but as two bounds. By a stale idea of who calls what, Postgres would rather go back through all of the newest events.
 */
export function onPath(query: Knex.QueryBuilder, { lead }: SearchPath): Knex.QueryBuilder {
  if (!lead) return query
  query.where(lead.column, '>=', lead.value).where(lead.column, '<=', lead.value)
  return lead.column === 'type' ? query.whereRaw(RARE) : query
}

export function inOrder(order: Order, { lead }: SearchPath) {
  return [...(lead ? [lead.column] : []), 'occurred_at', 'writer_id', 'seq'].map((column) => ({
    column,
    order,
  }))
}

/** After this place, in this order. The index of the path alone answers it, but for rows of that very moment. */
export function pastTime(
  query: Knex.QueryBuilder,
  order: Order,
  place: Place | undefined,
): Knex.QueryBuilder {
  if (!place) return query
  const is_moment_over = place.seq === (order === 'desc' ? FIRST : LAST).seq
  const comparison = (order === 'desc' ? '<' : '>') + (is_moment_over ? '' : '=')
  return query.where('occurred_at', comparison, place.occurred_at)
}

/** The same to the row. Without `pastTime`, Postgres would not skip partitions for a comparison of rows. */
export function pastPlace(
  query: Knex.QueryBuilder,
  order: Order,
  place: Place | undefined,
): Knex.QueryBuilder {
  if (!place) return query
  const { occurred_at, writer_id, seq } = place
  return pastTime(query, order, place).whereRaw(
    `(occurred_at, writer_id, seq) ${order === 'desc' ? '<' : '>'} (?::timestamptz, ?::uuid, ?::bigint)`,
    [occurred_at, writer_id, seq],
  )
}

/** The moment of the row that stands `rows` rows along; undefined where there are fewer. Read from the index alone. */
export async function edgeOf(
  db: Knex,
  along: (query: Knex.QueryBuilder) => Knex.QueryBuilder,
  order: Order,
  path: SearchPath,
  rows: number,
): Promise<Date | undefined> {
  const walked = along(db('audit_events').select('occurred_at'))
    .orderBy(inOrder(order, path).slice(0, path.lead ? 2 : 1))
    .limit(rows + 1)
    .as('walked')
  const end = order === 'desc' ? 'min' : 'max'
  const found: { edge: Date | null; walked: string } | undefined = await db
    .from(walked)
    .select(db.raw(`${end}(occurred_at) as edge, count(*) as walked`))
    .first()
  return found?.edge && Number(found.walked) > rows ? found.edge : undefined
}

/**
 * Finds events by a random id through Bloom filters, which takes a tenth of a second over 10,000,000 rows. Postgres cannot
 * estimate how much they leave out: by itself it would read the whole table.
 */
export function throughBloomFilters<T>(
  db: Knex,
  find: (trx: Knex.Transaction) => PromiseLike<T>,
): Promise<T> {
  return db.transaction(async (trx) => {
    for (const way of ['seqscan', 'indexscan', 'indexonlyscan'])
      await trx.raw(`set local enable_${way} = off`)
    return find(trx)
  })
}

/** When the first and the last event of a request were; undefined when there is none. */
export async function timesOfRequest(
  db: Knex,
  request_id: string,
): Promise<{ first: Date; last: Date } | undefined> {
  const found: { first: Date | null; last: Date | null } | undefined = await throughBloomFilters(db, (trx) =>
    trx('audit_events')
      .where({ request_id })
      .first(trx.raw('min(occurred_at) as first, max(occurred_at) as last')),
  )
  return found?.first && found.last ? { first: found.first, last: found.last } : undefined
}

/** The moment of the row that stands `rows` rows after `from`, and before `to`; undefined where there are fewer. */
export function timeOfRow(
  db: Knex,
  { from, to }: { from: Date; to: Date },
  rows: number,
): Promise<Date | undefined> {
  const along = (query: Knex.QueryBuilder) =>
    query.where('occurred_at', '>=', from).where('occurred_at', '<', to)
  return edgeOf(db, along, 'asc', { lead: undefined, rest: {}, is_whole: true }, rows)
}
