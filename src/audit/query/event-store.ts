import type { Knex } from 'knex'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { AppError } from '../../base/errors.ts'
import { eventOfRow, type StoredRow } from './audit-store.ts'
import { findByRandomId } from './lookup-store.ts'

/** One event, and what its writer wrote just before and after it, oldest first. */
export type EventInPlace = { event: AuditRow; before: AuditRow[]; after: AuditRow[] }

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const NEIGHBOURS = 5

/** Throws `not_found`. */
async function findEvent(db: Knex, id: string): Promise<AuditRow> {
  const event_id = id.toLowerCase()
  const [event] = UUID.test(event_id) ? await findByRandomId(db, 'id', event_id) : []
  if (!event) throw new AppError('not_found', 'There is no audit event with this id')
  return event
}

/** The event of this id with at most five neighbours on each side. Throws `not_found`. */
export async function findEventInPlace(db: Knex, id: string): Promise<EventInPlace> {
  const event = await findEvent(db, id)
  const { writer_id, seq } = event
  const side = (comparison: '<' | '>', order: 'asc' | 'desc') =>
    db<StoredRow>('audit_events')
      .where({ writer_id })
      .where('seq', comparison, seq)
      .orderBy('seq', order)
      .limit(NEIGHBOURS)
  const [before, after]: StoredRow[][] = await Promise.all([side('<', 'desc'), side('>', 'asc')])
  return { event, before: (before ?? []).map(eventOfRow).reverse(), after: (after ?? []).map(eventOfRow) }
}
