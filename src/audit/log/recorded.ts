import type { Knex } from 'knex'
import { commit, inTransaction } from '../../storage/transaction.ts'
import type { AuditEvent } from '../events/audit-event.ts'
import type { AuditLog } from './audit-log.ts'

export type Recorded<T> = {
  result: T
  events: AuditEvent[]
  /** What is done between the insert of the events and the commit. */
  last?: () => Promise<void>
}

/**
 * Runs `work` in a transaction and commits it together with the events it returns: the change and its record
 * happen both or not at all. Errors of `work` and of the audit log roll back and are thrown.
 */
export async function recorded<T>(
  db: Knex,
  audit: Pick<AuditLog, 'appendIn'>,
  work: (trx: Knex.Transaction) => Promise<Recorded<T>>,
): Promise<T> {
  const { result } = await inTransaction(db, work, (trx, { events, last }) =>
    audit.appendIn(trx, events, async () => {
      await last?.()
      await commit(trx)
    }),
  )
  return result
}
