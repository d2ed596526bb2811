import type { Knex } from 'knex'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { FREQUENT_TYPES } from '../events/audit-event.ts'
import { eventOfRow, type StoredRow } from './audit-store.ts'
import { byTime, findByRandomId } from './event-store.ts'
import { RARE } from './search-path-store.ts'

/** Everything that belongs to one attempt of a client to connect, whichever of its ids is known. */
const EVENTS_MAX = 500
/** All but calls, which have no index by these ids. */
function newestOf(
  db: Knex,
  column: 'request_id' | 'grant_id' | 'client_id',
  values: string[],
): Knex.QueryBuilder {
  return db<StoredRow>('audit_events')
    .whereIn(column, values)
    .whereRaw(RARE)
    .orderByRaw('occurred_at desc, seq desc')
    .limit(EVENTS_MAX)
}

/** The newest calls of grants, which are found by their accounts. */
function newestCalls(db: Knex, grants: string[], of: readonly StoredRow[]): Knex.QueryBuilder {
  const since = new Date(Math.min(...of.map((row) => row.occurred_at.getTime())))
  return db<StoredRow>('audit_events')
    .whereIn('account_id', distinct(of, 'account_id'))
    .whereIn('grant_id', grants)
    .whereIn('type', FREQUENT_TYPES)
    .where('occurred_at', '>=', of.length === 0 ? new Date() : since)
    .orderBy('occurred_at', 'desc')
    .limit(EVENTS_MAX)
}

function distinct(rows: readonly StoredRow[], column: 'grant_id' | 'client_id' | 'account_id'): string[] {
  return [...new Set(rows.map((row) => row[column]).filter((value) => value !== null))]
}

/** Of registrations that gave a client again and again, the one that this story began with. */
function lastRegistrations(registrations: readonly StoredRow[], end: Date): StoredRow[] {
  const newest = new Map<string | null, StoredRow>()
  for (const row of registrations)
    if (row.occurred_at <= end && !newest.has(row.client_id)) newest.set(row.client_id, row)
  return [...newest.values()]
}

/**
 * The story behind an id that somebody was shown: a trace or request id, a grant or a client. Starts from its
 * events, then adds how the clients named there came to be known and the whole life of the grants. Oldest first.
 */
export async function traceEvents(db: Knex, id: string): Promise<AuditRow[]> {
  const starts: StoredRow[][] = await Promise.all([
    newestOf(db, 'request_id', [id]),
    newestOf(db, 'grant_id', [id]),
    newestOf(db, 'client_id', [id]),
  ])
  const rare = starts.flat()
  // The id of a single tool call is a request's, too.
  const start = rare.length > 0 ? rare : await findByRandomId(db, 'request_id', id)
  if (start.length === 0) return []
  const clients = distinct(start, 'client_id')
  const grants = distinct(start, 'grant_id')
  const lives: StoredRow[] = await newestOf(db, 'grant_id', grants)
  const [calls, registered, changed]: [StoredRow[], StoredRow[], StoredRow[]] = await Promise.all([
    newestCalls(db, grants, lives),
    newestOf(db, 'client_id', clients).where('type', 'client.registered'),
    newestOf(db, 'client_id', clients).where('type', 'client.changed'),
  ])
  const end = new Date(Math.max(...start.map((row) => row.occurred_at.getTime())))
  const known = [...lastRegistrations(registered, end), ...changed]
  const found = new Map([...known, ...start, ...lives, ...calls].map((row) => [row.id, row]))
  return [...found.values()].map(eventOfRow).sort(byTime)
}
