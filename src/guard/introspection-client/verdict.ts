import type { AnswerWatch } from '../answers/answer-watch.ts'
import { type AuthInfo, authInfoOf, type Opened } from '../auth-info.ts'
import type { Challenges } from '../challenge.ts'
import type { GuardSettings } from '../guard-options.ts'
import type { GuardedRequest } from '../guarded-request.ts'
import type { Question } from '../mcp-messages.ts'
import { noSuchMethod } from '../refusal.ts'
import type { ActiveToken } from './introspection.ts'

/** A question with the answer to it. */
export type Asked = { question: Question; token: ActiveToken }

export type Allowed = {
  outcome: 'allowed'
  /** The introspection answer. */
  token: ActiveToken
  auth: AuthInfo
  /** The tools that may be listed or called in this request; empty when it does neither. */
  tools: string[]
  body: unknown
  /** To be told of the answer. */
  watch: AnswerWatch
  /** Aborted when the answer must end, although it goes on: its token counts no more. */
  cut: AbortSignal
}

/** Hears of the answer to each request that is let through. */
export type Watch = (
  request: GuardedRequest,
  allowed: Omit<Allowed, 'watch' | 'cut'>,
  asked: Asked[],
) => AnswerWatch

/** MCP authorization: servers MUST validate that tokens were issued specifically for them. */
export function requireActive(
  answers: (ActiveToken | undefined)[],
  questions: Question[],
  settings: Pick<GuardSettings, 'resource'>,
  challenges: Challenges,
): [Asked, ...Asked[]] {
  const now_seconds = Date.now() / 1000
  const asked = questions.map((question, index) => {
    const token = answers[index]
    if (token?.aud !== settings.resource || token.exp <= now_seconds) throw challenges.invalidToken()
    return { question, token }
  })
  const [first, ...others] = asked
  if (!first) throw challenges.invalidToken()
  return [first, ...others]
}

/**
 * One challenge names everything the request needs, so that the client steps up once. When something in it can be
 * opened by no scope at all, none is named: stepping up would be in vain.
 */
export function requireAllowed(asked: readonly Asked[], challenges: Challenges, headers: Headers): void {
  const refused = asked.filter(
    ({ question, token }) => question.mcp_method !== undefined && !token.mcp?.allowed,
  )
  if (refused.length === 0) return
  const hopeless = refused.some(({ token }) => scopesOf(token).length === 0)
  const scopes = new Set(hopeless ? [] : asked.flatMap(({ token }) => scopesOf(token)))
  const { id, mcp_name } = asked.length === 1 && asked[0] ? asked[0].question : {}
  if (hopeless && id !== undefined && mcp_name === undefined && isStateless(headers)) throw noSuchMethod(id)
  throw challenges.insufficientScope([...scopes], id)
}

/** From 2026-07-28 on. Before, a 404 tells clients that their session is gone. */
function isStateless(headers: Headers): boolean {
  return (headers.get('mcp-protocol-version') ?? '') >= '2026-07-28'
}

function scopesOf(token: ActiveToken): string[] {
  return (token.mcp?.scope ?? '').split(' ').filter((scope) => scope !== '')
}

/** What the handlers behind the guard get to know. */
export function allowedOf(
  bearer: string,
  asked: readonly [Asked, ...Asked[]],
  body: unknown,
): Omit<Allowed, 'watch' | 'cut'> {
  const { token } = asked[0]
  const opened = {
    tools: openedIn(asked, 'tools', ['tools/call']),
    prompts: openedIn(asked, 'prompts', ['prompts/get']),
    resources: openedIn(asked, 'resources', ['resources/read', 'resources/subscribe']),
  }
  return { outcome: 'allowed', token, auth: authInfoOf(bearer, token, opened), tools: opened.tools, body }
}

/** What is used in this request, and what may be listed in it. */
function openedIn(asked: readonly Asked[], kind: keyof Opened, used_by: string[]): string[] {
  const names = asked.flatMap(({ question: { mcp_method = '', mcp_name }, token }) => [
    ...(used_by.includes(mcp_method) ? [mcp_name] : []),
    ...(token.mcp?.[kind] ?? []),
  ])
  return [...new Set(names)].filter((name) => name !== undefined)
}
