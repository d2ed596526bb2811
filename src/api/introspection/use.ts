import type { AuditEvent } from '../../audit/events/audit-event.ts'
import { UNKNOWN_TOOL, type Use } from '../../usage/usage.ts'

/** What a decision adds to the counts of usage; undefined where nobody was let ask. */
export function useOf(event: AuditEvent): Use | undefined {
  const { type, resource, decision, tool, grant_id } = event
  if (type === 'introspection.refused' || resource === undefined || decision === undefined) return undefined
  // A token that is not live, or for another resource, is no use of its grant.
  const is_live = decision !== 'inactive'
  const { method, needed = '' } = event.type === 'tool.decided' ? event.detail : {}
  return {
    resource,
    decision,
    grant_id: is_live ? grant_id : undefined,
    // Whoever calls makes up names as he likes: only those of the catalogue are counted one by one.
    tool: method === 'tools/call' ? (needed !== '' && tool) || UNKNOWN_TOOL : '',
  }
}
