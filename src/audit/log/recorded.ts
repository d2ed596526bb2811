import type { Knex } from 'knex'
import { commit, inTransaction } from '../../storage/transaction.ts'
import type { AuditEvent, AuditType } from '../events/audit-event.ts'
import { type ActionOrigin, recordedBy } from './action-origin.ts'
import type { AuditLog } from './audit-log.ts'

/** What a change is made in, and recorded in. */
export type RecordingContext = { db: Knex; audit: AuditLog }

/** What is said of an event besides who did it, by which request and why. */
type Said<T extends AuditType> = Omit<Extract<AuditEvent, { type: T }>, keyof ReturnType<typeof recordedBy>>

/** Adds an event to what commits with the change. A `reason` of its own goes before that of the origin. */
export type RecordEvent = <T extends AuditType>(event: Said<T> & { type: T }) => void

/**
 * Runs `work` in a transaction and commits it together with the events that it records: the change and its record
 * happen both or not at all. `last` comes between the insert of the events and the commit. Errors of `work` and of the
 * audit log roll back and are thrown.
 */
export function recorded<T>(
  { db, audit }: { db: Knex; audit: Pick<AuditLog, 'appendIn'> },
  origin: ActionOrigin,
  work: (trx: Knex.Transaction, record: RecordEvent) => Promise<T>,
  last?: (trx: Knex.Transaction, result: T) => Promise<void>,
): Promise<T> {
  const events: AuditEvent[] = []
  const record: RecordEvent = (event) => {
    const detail = { reason: origin.reason, ...event.detail }
    events.push({ ...event, ...recordedBy(origin), detail } as AuditEvent)
  }
  return inTransaction(
    db,
    (trx) => work(trx, record),
    (trx, result) =>
      audit.appendIn(trx, events, async () => {
        await last?.(trx, result)
        await commit(trx)
      }),
  )
}
