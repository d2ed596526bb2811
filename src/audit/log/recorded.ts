import type { Knex } from 'knex'
import { begin, commit } from '../../storage/transaction.ts'
import type { AuditEvent } from '../events/audit-event.ts'
import type { AuditLog } from './audit-log.ts'

/**
 * Runs `work` in a transaction and commits it together with the events it returns: the change and its record
 * happen both or not at all. Errors of `work` and of the audit log roll back and are thrown.
 */
export async function recorded<T>(
  db: Knex,
  audit: Pick<AuditLog, 'appendIn'>,
  work: (trx: Knex.Transaction) => Promise<{ result: T; events: AuditEvent[] }>,
): Promise<T> {
  const trx = await begin(db)
  try {
    const { result, events } = await work(trx)
    await audit.appendIn(trx, events, () => commit(trx))
    return result
  } catch (error) {
    if (!trx.isCompleted()) await trx.rollback().catch(() => undefined)
    throw error
  }
}
