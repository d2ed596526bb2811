import type { AuditType } from '../events/audit-event.ts'

/** What events are looked for by; all of it must fit. */
export type AuditFilter = {
  type?: AuditType | undefined
  /** Any of these. */
  types?: readonly AuditType[] | undefined
  /** `kind:id`, or all of a kind. */
  actor?: string | undefined
  account_id?: string | undefined
  client_id?: string | undefined
  grant_id?: string | undefined
  token_id?: string | undefined
  tool?: string | undefined
  resource?: string | undefined
  decision?: string | undefined
  request_id?: string | undefined
  /** Inclusive. */
  from?: Date | undefined
  /** Exclusive. */
  to?: Date | undefined
}
