import { type AuditType, definitionOf, typesThat } from '../../audit/events/audit-event.ts'
import { auditText } from '../../audit-chain/event-fields.ts'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { sha256 } from '../../base/digest.ts'

/** The types of all events that can take away or change what a token opens. */
export const TAKING_TYPES: readonly AuditType[] = typesThat(({ takes }) => takes !== 'nothing')

/** What no longer counts: everything, or what is kept about these accounts and clients, by their SHA-256 in base64url. */
export type TakenAway = 'all' | { accounts: readonly string[]; clients: readonly string[] }

export const NOTHING: TakenAway = { accounts: [], clients: [] }

/** Pure: what an event takes from the tokens of `resource`. Whoever listens learns of no other resource's tokens. */
export function takenAway(event: AuditRow, resource: string): TakenAway {
  // As the event was cleaned when it was stored.
  if (event.resource !== null && event.resource !== auditText(resource, 2_048)) return NOTHING
  const { takes = 'nothing' } = definitionOf(event.type) ?? {}
  const reach = typeof takes === 'function' ? takes((event.detail ?? {}) as never, event) : takes
  if (reach === 'nothing') return NOTHING
  const id = reach === 'account' ? event.account_id : reach === 'client' ? event.client_id : null
  if (id === null) return 'all'
  const named = [sha256(id).toString('base64url')]
  return reach === 'account' ? { accounts: named, clients: [] } : { accounts: [], clients: named }
}

const NAMED_MAX = 1_000

/** Both together; of too many to name, everything. */
export function together(one: TakenAway, other: TakenAway): TakenAway {
  if (one === 'all' || other === 'all') return 'all'
  const accounts = [...new Set([...one.accounts, ...other.accounts])]
  const clients = [...new Set([...one.clients, ...other.clients])]
  return accounts.length + clients.length > NAMED_MAX ? 'all' : { accounts, clients }
}

export function isNothing(taken: TakenAway): boolean {
  return taken !== 'all' && taken.accounts.length === 0 && taken.clients.length === 0
}
