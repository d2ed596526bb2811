import type { AuditEvent } from '../../audit/events/audit-event.ts'
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
  const { request_id, name, method, occurred_at_ms } = report
  const said = report.type === 'tool.decided' ? decisionOf(report) : outcomeOf(report)
  return {
    type: report.type,
    actor: known ? { kind: 'account', id: known.account_id } : { kind: 'resource_server', id },
    ...known,
    resource,
    tool: name,
    request_id,
    ip,
    ...said,
    detail: {
      resource_server: id,
      source: 'resource_server',
      report_id: report.id,
      reported_at_ms: occurred_at_ms,
      method,
      ...said.detail,
      ...stated(report, known),
    },
  }
}

function decisionOf({ allowed, scope }: Extract<Report, { type: 'tool.decided' }>) {
  return { decision: allowed ? 'allowed' : 'denied', detail: { needed: scope } } as const
}

function outcomeOf(report: Extract<Report, { type: 'tool.completed' }>) {
  const { outcome, duration_ms, size_bytes, arguments_sha256 } = report
  return {
    detail: {
      outcome,
      duration_ms,
      size_bytes,
      ...(arguments_sha256 === undefined ? {} : { arguments_sha256 }),
    },
  }
}

/** What is not known here. A token that is gone, or never was one of this resource, is not in the column of tokens. */
function stated({ sub, client_id, token_id }: Report, known: KnownCall | undefined) {
  const is_token_stated = token_id !== undefined && known?.token_id === undefined
  const token = is_token_stated ? { stated_token_id: token_id } : {}
  return known ? token : { stated_account_id: sub, stated_client_id: client_id, ...token }
}
