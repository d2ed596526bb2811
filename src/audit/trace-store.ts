import type { Knex } from 'knex'
import { eventOfRow, type StoredRow } from './audit-store.ts'
import type { AuditRow } from './hash-chain.ts'

/** Everything that belongs to one attempt of a client to connect, whichever of its ids is known. */
const EVENTS_MAX = 500

function newestOf(
  db: Knex,
  column: 'request_id' | 'grant_id' | 'client_id',
  values: string[],
): Knex.QueryBuilder {
  return db<StoredRow>('audit_events')
    .whereIn(column, values)
    .orderBy([
      { column: 'occurred_at', order: 'desc' },
      { column: 'seq', order: 'desc' },
    ])
    .limit(EVENTS_MAX)
}

function distinct(rows: readonly StoredRow[], column: 'grant_id' | 'client_id'): string[] {
  return [...new Set(rows.map((row) => row[column]).filter((value) => value !== null))]
}

function byTime(one: AuditRow, other: AuditRow): number {
  return one.occurred_at.getTime() - other.occurred_at.getTime() || one.seq - other.seq
}

/**
 * The story behind an id that somebody was shown: a trace or request id, a grant or a client. Starts from its
 * events, then adds the registration of the clients and the whole life of the grants named there. Oldest first.
 */
export async function traceEvents(db: Knex, id: string): Promise<AuditRow[]> {
  const starts: StoredRow[][] = await Promise.all([
    newestOf(db, 'request_id', [id]),
    newestOf(db, 'grant_id', [id]),
    newestOf(db, 'client_id', [id]),
  ])
  const start = starts.flat()
  const [lives, registrations]: [StoredRow[], StoredRow[]] = await Promise.all([
    newestOf(db, 'grant_id', distinct(start, 'grant_id')),
    newestOf(db, 'client_id', distinct(start, 'client_id')).where('type', 'client.registered'),
  ])
  const found = new Map([...registrations, ...start, ...lives].map((row) => [row.id, row]))
  return [...found.values()].map(eventOfRow).sort(byTime)
}
