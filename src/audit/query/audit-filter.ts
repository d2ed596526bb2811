import { TEXT_COLUMNS } from '../../audit-chain/event-fields.ts'
import type { AuditType } from '../events/audit-event.ts'

export const TEXT_FILTERS = TEXT_COLUMNS.filter((column) => column !== 'scope' && column !== 'ip')

/** What events are looked for by; all of it must fit. */
export type AuditFilter = { [column in (typeof TEXT_FILTERS)[number]]?: string | undefined } & {
  type?: AuditType | undefined
  /** Any of these. */
  types?: readonly AuditType[] | undefined
  /** `kind:id`, or all of a kind. */
  actor?: string | undefined
  /** Inclusive. */
  from?: Date | undefined
  /** Exclusive. */
  to?: Date | undefined
}
