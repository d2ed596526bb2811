import type { Knex } from 'knex'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { UUID } from '../../audit-chain/row-bytes.ts'
import { AppError } from '../../base/errors.ts'
import { eventOfRow, type StoredRow } from './audit-store.ts'
import { throughBloomFilters } from './search-path-store.ts'

const FOUND_MAX = 500
const NEIGHBOURS = 5

/** Events by a random id: that of the event, or that of its request. Oldest first, at most 500. */
export async function findByRandomId(
  db: Knex,
  column: 'id' | 'request_id',
  value: string,
): Promise<AuditRow[]> {
  const rows: StoredRow[] = await throughBloomFilters(db, (trx) =>
    trx('audit_events').where(column, value).limit(FOUND_MAX),
  )
  return rows.map(eventOfRow).sort(byTime)
}

export function byTime(one: AuditRow, other: AuditRow): number {
  return one.occurred_at.getTime() - other.occurred_at.getTime() || one.seq - other.seq
}

/** Throws `not_found`. */
export async function findEvent(db: Knex, id: string): Promise<AuditRow> {
  const event_id = id.toLowerCase()
  const [event] = UUID.test(event_id) ? await findByRandomId(db, 'id', event_id) : []
  if (!event) throw new AppError('not_found', `There is no audit event with the id ${id}`)
  return event
}

/** One event, and what its writer wrote just before and after it, oldest first. */
export type EventInPlace = { event: AuditRow; before: AuditRow[]; after: AuditRow[] }

/** The event of this id with at most five neighbours on each side. Throws `not_found`. */
export async function findEventInPlace(db: Knex, id: string): Promise<EventInPlace> {
  const event = await findEvent(db, id)
  const { writer_id, seq } = event
  const side = async (comparison: '<' | '>', order: 'asc' | 'desc') => {
    const rows = await db<StoredRow>('audit_events')
      .where({ writer_id })
      .where('seq', comparison, seq)
      .orderBy('seq', order)
      .limit(NEIGHBOURS)
    return rows.map(eventOfRow)
  }
  const [before, after] = await Promise.all([side('<', 'desc'), side('>', 'asc')])
  return { event, before: before.reverse(), after }
}
