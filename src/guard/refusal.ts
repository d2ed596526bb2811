/** An answer that ends the request before the MCP server sees it. */
export type Refused = {
  outcome: 'refused'
  status: number
  headers: Record<string, string>
  /** To be sent as JSON. */
  body: Record<string, unknown>
}

/** Thrown by any step of the guard; becomes the answer. Holds nothing that the caller may not read. */
export class Refusal extends Error {
  readonly answer: Refused

  constructor(status: number, headers: Record<string, string>, body: Record<string, unknown>) {
    super(`refused with status ${status}`)
    this.name = 'Refusal'
    this.answer = {
      outcome: 'refused',
      status,
      headers: { 'cache-control': 'no-store', ...headers },
      body,
    }
  }
}

/** JSON-RPC 2.0 §5.1; the MCP specification's own code for headers that disagree with the body; and our own. */
export const JSON_RPC_CODE = {
  parse_error: -32700,
  invalid_request: -32600,
  method_not_found: -32601,
  invalid_params: -32602,
  header_mismatch: -32020,
  // Of those that JSON-RPC leaves to servers, one that neither MCP nor its SDKs use.
  insufficient_scope: -32010,
} as const

/** A 400 in the words of JSON-RPC, which MCP clients hand to their caller. `id` = that of the faulty request. */
export function badMessage(reason: keyof typeof JSON_RPC_CODE, message: string, id?: unknown): Refusal {
  return new Refusal(400, {}, jsonRpcError(JSON_RPC_CODE[reason], message, id))
}

/** MCP 2026-07-28: 404 for a method that this server does not have. What no scope can open, nobody has here. */
export function noSuchMethod(id: unknown): Refusal {
  return new Refusal(404, {}, jsonRpcError(JSON_RPC_CODE.method_not_found, 'No scope opens this method', id))
}

export function jsonRpcError(code: number, message: string, id: unknown, data?: object) {
  const echoed = isRequestId(id) ? id : null
  return { jsonrpc: '2.0', id: echoed, error: { code, message, ...(data && { data }) } }
}

/** Of a request, and not of a notification or batch. */
export function isRequestId(id: unknown): id is string | number {
  return typeof id === 'string' || typeof id === 'number'
}

/** RFC 9110 §15.6.4: the authorization server cannot be asked now. Never answered with "allowed". */
export function unavailable(): Refusal {
  return new Refusal(
    503,
    { 'retry-after': '1' },
    { error: 'temporarily_unavailable', error_description: 'The authorization server cannot be asked now' },
  )
}
