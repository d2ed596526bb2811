import type { Knex } from 'knex'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { eventOfRow, type StoredRow } from './audit-store.ts'

const FOUND_MAX = 500

/**
 * Events by a random id: that of the event, or that of its request. Found through Bloom filters, which take a tenth of
 * a second over 10,000,000 rows; Postgres cannot estimate how much they leave out, and would read the whole table.
 * Oldest first, at most 500.
 */
export async function findByRandomId(
  db: Knex,
  column: 'id' | 'request_id',
  value: string,
): Promise<AuditRow[]> {
  return db.transaction(async (trx) => {
    await trx.raw('set local enable_seqscan = off')
    await trx.raw('set local enable_indexscan = off')
    const rows: StoredRow[] = await trx('audit_events').where(column, value).limit(FOUND_MAX)
    return rows
      .map(eventOfRow)
      .sort((one, other) => one.occurred_at.getTime() - other.occurred_at.getTime() || one.seq - other.seq)
  })
}
