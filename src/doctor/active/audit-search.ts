import { type JsonObject, jsonObjects, successOf } from '../crawl/response.ts'
import type { ActiveProbe, AuditedCall, ToolCall } from './active-probe.ts'
import type { ActiveSession } from './session.ts'

const CLOCKS_MS = 60_000

/** Looks for the calls of this review in Toolgate's audit log, by its operator API. */
export async function searchAudit(
  { probe, prober, endpoints, client }: ActiveSession,
  begun_at: Date,
): Promise<ActiveProbe['audit']> {
  const { operator_token } = prober.options
  const calls = [probe.open_call, probe.closed_call].filter((call) => call !== undefined)
  if (operator_token === undefined || calls.length === 0) return undefined
  const url = new URL(`${endpoints.issuer.replace(/\/$/, '')}/operator/api/v1/audit/events`)
  url.searchParams.set('from', new Date(begun_at.getTime() - CLOCKS_MS).toISOString())
  url.searchParams.set('type', 'tool.decided')
  url.searchParams.set('client_id', client.client_id)
  const headers = { authorization: `Bearer ${operator_token}` }
  const response = await prober.send(url.href, { headers })
  const events = jsonObjects(successOf(response).events)
  return { response, calls: calls.map((call) => searchCall(call, events)) }
}

function searchCall({ tool, rpc, response }: ToolCall, events: readonly JsonObject[]): AuditedCall {
  const is_denied = response.outcome === 'answered' && [401, 403].includes(response.status)
  const decision = is_denied && rpc.kind !== 'result' ? 'denied' : 'allowed'
  const of_tool = events.filter((event) => event.tool === tool)
  const event = of_tool.find((event) => event.decision === decision)
  if (!event) return { tool, decision, missing: of_tool.length > 0 ? 'the decision' : 'the call' }
  const missing = ['account_id', 'client_id'].find((member) => typeof event[member] !== 'string')
  return { tool, decision, missing }
}
