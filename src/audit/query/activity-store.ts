import type { Knex } from 'knex'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import type { RowsWanted } from '../../storage/keyset.ts'
import type { Place } from './search-path-store.ts'

/** What an account's activity is told from; the rest of a row is not read. */
export type ActivityRow = Omit<AuditRow, Unread>
type Unread = 'id' | 'account_id' | 'token_id' | 'request_id' | 'prev_hash' | 'hash'

// Two bounds instead of an equality, so that only the index by account and time gives the order that is asked for.
const NEWEST = `
  select occurred_at, writer_id, seq, type, actor_kind, actor_id, client_id, resource, tool, decision, scope,
         grant_id, ip, detail
  from audit_events
  where account_id >= :account_id and account_id <= :account_id`

/** The newest events of an account behind `after`, calls included. */
export async function newestEventsOf(
  db: Knex,
  account_id: string,
  { after, limit }: RowsWanted<Place>,
): Promise<ActivityRow[]> {
  const behind = `and occurred_at <= :occurred_at
    and (occurred_at, writer_id, seq) < (cast(:occurred_at as timestamptz), cast(:writer_id as uuid), cast(:seq as bigint))`
  const { rows } = await db.raw(
    `${NEWEST} ${after ? behind : ''}
     order by account_id desc, occurred_at desc, writer_id desc, seq desc limit :limit`,
    { account_id, limit, ...after },
  )
  return rows
}
