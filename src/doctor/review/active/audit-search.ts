import { exchange } from '../../probe/exchange.ts'
import type { AuditedCall, AuditSeen, SeenCall } from './active-seen.ts'
import type { ActiveSession } from './session.ts'

const CLOCKS_MS = 60_000

type Event = Record<string, unknown>

/** Looks for the calls of this review in Toolgate's audit log, by its operator API. */
export async function searchAudit(session: ActiveSession, begun_at: Date): Promise<AuditSeen | undefined> {
  const { active, asking, endpoints } = session
  const { operator_token, timeout_ms } = asking.options
  const calls = [active.open_call, active.closed_call].filter((call) => call !== undefined)
  if (operator_token === undefined || calls.length === 0) return undefined
  asking.hidden.add(operator_token)
  const url = new URL(`${endpoints.issuer.replace(/\/$/, '')}/operator/api/v1/audit/events`)
  url.searchParams.set('from', new Date(begun_at.getTime() - CLOCKS_MS).toISOString())
  url.searchParams.set('type', 'tool.decided')
  url.searchParams.set('client_id', session.client.client_id)
  const headers = { authorization: `Bearer ${operator_token}` }
  const answer = await exchange(url.href, { headers, ...(timeout_ms && { timeout_ms }) })
  const events = answer.outcome === 'answered' ? eventsIn(answer.json) : []
  return { answer, calls: calls.map((call) => searchCall(call, events)) }
}

function searchCall({ tool, said, answer }: SeenCall, events: Event[]): AuditedCall {
  const is_denied = answer.outcome === 'answered' && [401, 403].includes(answer.status)
  const decision = is_denied && said.kind !== 'result' ? 'denied' : 'allowed'
  const of_tool = events.filter((event) => event.tool === tool)
  const fitting = of_tool.find((event) => event.decision === decision)
  if (!fitting) return { tool, decision, missing: of_tool.length > 0 ? 'the decision' : 'the call' }
  const missing = ['account_id', 'client_id'].find((member) => typeof fitting[member] !== 'string')
  return { tool, decision, missing }
}

function eventsIn(json: unknown): Event[] {
  const { events } = (typeof json === 'object' && json !== null ? json : {}) as { events?: unknown }
  return Array.isArray(events) ? events.filter((event) => typeof event === 'object' && event !== null) : []
}
