import type { Refused } from '../refusal.ts'

/** Of the codes that JSON-RPC leaves to servers, one that neither MCP nor its SDKs use. */
export const REFUSED = -32010

export type JsonRpcError = { code: number; message: string; data?: Record<string, unknown> }

/**
 * A refusal in the words of JSON-RPC, for where there is no HTTP to say it. `data` has the `status` that HTTP would have,
 * OAuth's `error`, and of the challenge the `scope` that is needed and the `resource_metadata`.
 */
export function jsonRpcErrorOf({ status, headers, body }: Refused): JsonRpcError {
  const { error, error_description } = body
  // What is wrong with a message is in the words of JSON-RPC already.
  if (typeof error === 'object' && error !== null) return error as JsonRpcError
  const { scope, resource_metadata } = challengeOf(headers)
  const retry = headers['retry-after']
  const data = {
    status,
    error,
    ...(scope === undefined ? {} : { scope }),
    ...(resource_metadata === undefined ? {} : { resource_metadata }),
    ...(retry === undefined ? {} : { retry_after_seconds: Number(retry) }),
  }
  return { code: REFUSED, message: String(error_description ?? error), data }
}

/** The scopes of a step-up; empty when stepping up would not help. */
export function neededScopes({ status, headers }: Refused): string[] {
  const { error, scope = '' } = challengeOf(headers)
  return status === 403 && error === 'insufficient_scope'
    ? scope.split(' ').filter((each) => each !== '')
    : []
}

/** The parameters of a challenge of our own. */
function challengeOf(headers: Record<string, string>): Record<string, string> {
  const written = (headers['www-authenticate'] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)
  return Object.fromEntries(
    [...written].map(([, name = '', value = '']) => [name, value.replace(/\\(.)/g, '$1')]),
  )
}

/** MCP 2025-11-25, Session Management: upon 404 the client MUST start a new session. */
export const NO_SUCH_SESSION: Refused = {
  outcome: 'refused',
  status: 404,
  headers: { 'cache-control': 'no-store' },
  body: { jsonrpc: '2.0', id: null, error: { code: -32001, message: 'Session not found' } },
}

/** Two requests of one id could be taken for each other, and one be given the answer to the other. */
export const ID_IN_USE: Refused = {
  outcome: 'refused',
  status: 400,
  headers: {},
  body: { error: { code: -32600, message: 'A request with this id is yet to be answered' } },
}
