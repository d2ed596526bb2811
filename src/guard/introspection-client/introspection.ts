/** Asking the authorization server, which answers about a token and in the same breath about what it is used for. */

import { isObject, parseJson } from '../../base/json.ts'
import type { Question } from '../mcp-messages.ts'
import { createClientAuthentication } from './client-authentication.ts'
import type { ServerSettings } from './server-settings.ts'

/** The authorization server's word on the method and name that were asked. */
export type McpAnswer = {
  method: string
  name?: string
  allowed: boolean
  /** All scopes the operation needs, space separated; empty when no scope opens it. */
  scope: string
  /** For `tools/list`: the names of the tools that this token opens. */
  tools?: string[]
  /** For `prompts/list`: the names of the prompts. */
  prompts?: string[]
  /** For `resources/list` and `resources/templates/list`: URIs, each exact or with one `*` at its end. */
  resources?: string[]
  /** What the catalogue says of it; only the answer to what is read only may be kept. */
  risk?: 'read_only' | 'destructive'
}

/** RFC 7662 §2.2, as Toolgate answers it. Times in seconds since the epoch. */
export type ActiveToken = {
  active: true
  sub: string
  client_id: string
  scope: string
  aud: string
  exp: number
  iss?: string
  iat?: number
  jti?: string
  token_type?: string
  username?: string
  mcp?: McpAnswer
}

/** Undefined = not active: unknown, expired, revoked, or issued for another resource server. */
export type Introspect = (token: string, question: Question) => Promise<ActiveToken | undefined>

/**
 * Builds the RFC 7662 client. The returned function throws an Error when there is no valid answer: network,
 * time-out, status other than 200, or a body that is not what was asked for. Its message holds no secret.
 */
export function createIntrospectionClient(settings: ServerSettings): Introspect {
  const { introspection_endpoint, timeout_ms } = settings
  const authentication = createClientAuthentication(settings)
  return async (token, question) => {
    const { headers, parameters } = await authentication.proof()
    const response = await settings
      .fetch(introspection_endpoint, {
        method: 'POST',
        headers: { ...headers, accept: 'application/json', 'x-request-id': question.request_id },
        body: formOf(token, question, parameters),
        // As good as an error, which Workers do not have: no status but 200 is an answer.
        redirect: 'manual',
        signal: AbortSignal.timeout(timeout_ms),
      })
      .catch((cause: unknown) => {
        throw new Error(`No answer from ${introspection_endpoint}`, { cause })
      })
    if (response.status === 401) authentication.refused()
    return readAnswer(await readJson(response), question)
  }
}

function formOf(
  token: string,
  { mcp_method, mcp_name, mcp_user_agent }: Question,
  parameters: Record<string, string>,
): URLSearchParams {
  const form = new URLSearchParams({ ...parameters, token })
  if (mcp_method !== undefined) form.set('mcp_method', mcp_method)
  if (mcp_name !== undefined) form.set('mcp_name', mcp_name)
  if (mcp_user_agent !== undefined) form.set('mcp_user_agent', mcp_user_agent)
  return form
}

async function readJson(response: Response): Promise<unknown> {
  if (response.status === 200) {
    const answer = parseJson(await response.text())
    if (answer === undefined) throw new Error('The introspection answer is not JSON')
    return answer
  }
  // Unread bodies keep the connection from being used again.
  await response.body?.cancel()
  throw new Error(
    response.status === 401
      ? 'The authorization server refused this resource server: check client_id and its secret or key'
      : `The authorization server answered the introspection with status ${response.status}`,
  )
}

function readAnswer(answer: unknown, question: Question): ActiveToken | undefined {
  if (!isObject(answer) || typeof answer.active !== 'boolean') {
    throw new Error('The introspection answer is not of RFC 7662')
  }
  if (!answer.active) return undefined
  const strings = ['sub', 'client_id', 'scope', 'aud'].every((name) => typeof answer[name] === 'string')
  if (!strings || !Number.isFinite(answer.exp)) {
    throw new Error('The introspection answer lacks sub, client_id, scope, aud or exp')
  }
  if (question.mcp_method !== undefined && !isAnswerTo(question, answer.mcp)) {
    throw new Error(
      `The introspection answer has no decision on ${question.mcp_method}: is the server a Toolgate?`,
    )
  }
  // What was not asked is not answered.
  const { mcp, ...token } = answer as ActiveToken
  return question.mcp_method === undefined || mcp === undefined ? token : { ...token, mcp }
}

function isAnswerTo(question: Question, mcp: unknown): mcp is McpAnswer {
  return (
    isObject(mcp) &&
    mcp.method === question.mcp_method &&
    (question.mcp_name === undefined || mcp.name === question.mcp_name) &&
    typeof mcp.allowed === 'boolean' &&
    typeof mcp.scope === 'string' &&
    (question.mcp_method !== 'tools/list' || !mcp.allowed || isStrings(mcp.tools)) &&
    // A server older than these says nothing of them, and opens none.
    [mcp.tools ?? [], mcp.prompts ?? [], mcp.resources ?? []].every(isStrings)
  )
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
