import { JSON_RPC_CODE, type Refused } from '../refusal.ts'

export type JsonRpcError = { code: number; message: string; data?: Record<string, unknown> }

/**
 * A refusal in the words of JSON-RPC, for where there is no HTTP to say it. `data` has the `status` that HTTP would have,
 * OAuth's `error`, and of the challenge the `scope` that is needed and the `resource_metadata`.
 */
export function jsonRpcErrorOf({ status, headers, body }: Refused): JsonRpcError {
  const worded = typeof body.error === 'object' ? (body.error as JsonRpcError) : undefined
  const code = JSON_RPC_CODE.insufficient_scope
  // What is wrong with the message itself has nothing to do with scopes.
  if (worded && worded.code !== code) return worded
  const error = worded ? worded.data?.error : body.error
  const { scope, resource_metadata } = challengeOf(headers)
  const retry = headers['retry-after']
  const data = {
    status,
    error,
    ...(scope === undefined ? {} : { scope }),
    ...(resource_metadata === undefined ? {} : { resource_metadata }),
    ...(retry === undefined ? {} : { retry_after_seconds: Number(retry) }),
  }
  return { code, message: worded?.message ?? String(body.error_description), data }
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
