import { AUDIT_TYPES, type AuditType } from '../../audit/events/audit-event.ts'
import { auditText } from '../../audit-chain/event-fields.ts'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { sha256 } from '../../base/digest.ts'

/** Whose kept answers may be wrong after an event of this type; of a new type somebody has to say it here. */
type Reach = 'all' | 'account' | 'client' | 'nothing'

const REACH: Record<AuditType, Reach> = {
  'account.changed': 'account',
  'account.created': 'nothing',
  'audit.imported': 'nothing',
  'audit.partition_dropped': 'nothing',
  'authorization.denied': 'nothing',
  'authorization.granted': 'nothing',
  'authorization.refused': 'nothing',
  'catalogue.applied': 'all',
  'checkpoint.undelivered': 'nothing',
  'client.admission_refused': 'nothing',
  'client.blocked': 'client',
  'client.changed': 'client',
  'client.registered': 'nothing',
  'client.registration_refused': 'nothing',
  // What was revoked with the block stays so.
  'client.unblocked': 'nothing',
  'consent.given': 'nothing',
  'grant.narrowed': 'account',
  'grant.revoked': 'account',
  'introspection.refused': 'nothing',
  'login.failed': 'nothing',
  'login.succeeded': 'nothing',
  'operator.refused': 'nothing',
  // Operator tokens are for Toolgate's own resource, whose guard keeps nothing.
  'operator_token.created': 'nothing',
  'operator_token.revoked': 'nothing',
  'personal_token.created': 'nothing',
  'personal_token.expiring': 'nothing',
  'personal_token.revoked': 'account',
  // The value before ends now, or earlier than it would have.
  'personal_token.rotated': 'account',
  'refresh_token.replayed': 'nothing',
  'refresh_token.reused': 'account',
  'refresh_token.revoked': 'account',
  // Of a resource server of this very resource, which may be the one that listens.
  'resource_server.changed': 'all',
  'resource_server.created': 'nothing',
  'server.started': 'nothing',
  'server.stopped': 'nothing',
  // Grants outlive the session in which they were given.
  'session.ended': 'nothing',
  'token.introspected': 'nothing',
  'token.issued': 'nothing',
  // The access tokens before live on.
  'token.refreshed': 'nothing',
  'token.refused': 'nothing',
  'token.revoked': 'account',
  'tool.completed': 'nothing',
  'tool.decided': 'nothing',
  'writer.closed': 'nothing',
  'writer.started': 'nothing',
  'writer.stopped': 'nothing',
}

/** The types of all events that can take away or change what a token opens. */
export const TAKING_TYPES: readonly AuditType[] = AUDIT_TYPES.filter((type) => REACH[type] !== 'nothing')

/** What no longer counts: everything, or what is kept about these accounts and clients, by their SHA-256 in base64url. */
export type TakenAway = 'all' | { accounts: readonly string[]; clients: readonly string[] }

export const NOTHING: TakenAway = { accounts: [], clients: [] }

/** Pure: what an event takes from the tokens of `resource`. Whoever listens learns of no other resource's tokens. */
export function takenAway(event: AuditRow, resource: string): TakenAway {
  // As the event was cleaned when it was stored.
  if (event.resource !== null && event.resource !== auditText(resource, 2_048)) return NOTHING
  const reach = REACH[event.type as AuditType] ?? 'nothing'
  if (reach === 'nothing' || foundNothing(event)) return NOTHING
  const id = reach === 'account' ? event.account_id : reach === 'client' ? event.client_id : null
  if (id === null) return 'all'
  const named = [sha256(id).toString('base64url')]
  return reach === 'account' ? { accounts: named, clients: [] } : { accounts: [], clients: named }
}

/** RFC 7009 §2.2: revoking what is no token of the client is no error; anybody may ask for it, as often as he likes. */
function foundNothing({ type, grant_id, detail }: AuditRow): boolean {
  return type === 'token.revoked' && grant_id === null && detail?.found === false
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
