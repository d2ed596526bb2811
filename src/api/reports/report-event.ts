import type { AuditEvent } from '../../audit/events/audit-event.ts'
import type { Actor } from '../../audit-chain/actor.ts'
import { withoutSecrets } from '../../base/redaction.ts'
import type { Report } from './report.ts'

/** To whom the token of a report belongs, or whose grant it must have been. */
export type KnownCall = {
  account_id: string
  client_id: string
  grant_id?: string | undefined
  /** Where it is the token that says so. */
  token_id?: string | undefined
}

export type Reporter = { id: string; resource: string }

/**
 * The event of a report, pure. Resource and reporter are what the credentials say. Who called is what is known of the token
 * here; where nothing is known, what the resource server says stands in the detail alone, marked as its word: nobody's
 * story can be written from outside.
 */
export function eventOf(
  report: Report,
  { id, resource }: Reporter,
  known: KnownCall | undefined,
  ip: string | undefined,
): AuditEvent {
  const { request_id, name, method } = report
  const actor: Actor = known ? { kind: 'account', id: known.account_id } : { kind: 'resource_server', id }
  const is_unknown = report.type === 'tool.decided' && report.scope === ''
  const tool = is_unknown && name !== undefined ? withoutSecrets(name) : name
  const columns = { actor, ...known, resource, tool, request_id, ip }
  const said = {
    resource_server: id,
    source: 'resource_server',
    report_id: report.id,
    reported_at_ms: report.occurred_at_ms,
    method,
    ...stated(report, known),
  } as const
  if (report.type === 'tool.decided') {
    const decision = report.allowed ? 'allowed' : 'denied'
    return { type: 'tool.decided', ...columns, decision, detail: { ...said, needed: report.scope } }
  }
  const { outcome, duration_ms, size_bytes, arguments_sha256 } = report
  const detail = { ...said, outcome, duration_ms, size_bytes, arguments_sha256 }
  return { type: 'tool.completed', ...columns, detail }
}

/** What is not known here. A token that is gone, or never was one of this resource, is not in the column of tokens. */
function stated({ sub, client_id, token_id }: Report, known: KnownCall | undefined) {
  const token = { stated_token_id: known?.token_id === undefined ? token_id : undefined }
  return known ? token : { stated_account_id: sub, stated_client_id: client_id, ...token }
}
