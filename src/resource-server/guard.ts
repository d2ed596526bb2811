/**
 * The annex: what an MCP server (an OAuth resource server) puts in front of itself. It asks the authorization
 * server about every message, in MCP's own words, and lets the request through only on its explicit "allowed".
 */
import { type AuthInfo, authInfoOf } from './auth-info.ts'
import { type Challenges, createChallenges } from './challenge.ts'
import { checkOptions, type GuardOptions, type GuardSettings } from './guard-options.ts'
import { type ActiveToken, createIntrospectionClient, type Introspect } from './introspection.ts'
import { type Question, questionsIn, requireHeadersToAgree } from './mcp-messages.ts'
import { Refusal, type Refused, unavailable } from './refusal.ts'

/** One HTTP request to the MCP endpoint, free of any framework. */
export type GuardedRequest = {
  headers: Headers
  query: URLSearchParams
  /** Parsed JSON of a POST; undefined for GET and DELETE. Read only once a bearer token was seen. */
  readBody: () => Promise<unknown>
}

export type Allowed = {
  outcome: 'allowed'
  /** The introspection answer. */
  token: ActiveToken
  auth: AuthInfo
  /** The tools that may be listed or called in this request; empty when it does neither. */
  tools: string[]
  body: unknown
}

export type Decision = Allowed | Refused

export type Guard = {
  settings: GuardSettings
  /** Never throws for what a client or the authorization server does: every fault is a Refused. */
  decide(request: GuardedRequest): Promise<Decision>
}

type Asked = { question: Question; token: ActiveToken }

/**
 * Builds the guard of one MCP server.
 * @throws TypeError for a malformed option
 */
export function createGuard(options: GuardOptions): Guard {
  const settings = checkOptions(options)
  return { settings, decide: decideBy(settings, createIntrospectionClient(settings)) }
}

/** The guard's decisions, for whoever has another way to ask the authorization server than over HTTP. */
export function decideBy(
  settings: Pick<GuardSettings, 'resource' | 'default_scopes' | 'on_error'>,
  introspect: Introspect,
): Guard['decide'] {
  const challenges = createChallenges(settings)

  async function passSteps(request: GuardedRequest): Promise<Allowed> {
    refuseTokenInQuery(request.query, challenges)
    const credentials = requireBearer(request.headers, challenges)
    const body = await request.readBody()
    const questions = questionsIn(body)
    requireHeadersToAgree(request.headers, questions)
    const bearer = requireTokenSyntax(credentials, challenges)
    const answers = await ask(introspect, bearer, withClient(questions, bearer, request.headers), settings)
    const asked = requireActive(answers, questions, settings, challenges)
    requireAllowed(asked, challenges)
    const { token } = asked[0]
    const tools = toolsOf(asked)
    return { outcome: 'allowed', token, auth: authInfoOf(bearer, token, tools), tools, body }
  }

  return async (request) => {
    try {
      return await passSteps(request)
    } catch (error) {
      if (error instanceof Refusal) return error.answer
      throw error
    }
  }
}

/** MCP authorization: access tokens MUST NOT be included in the URI query string. */
function refuseTokenInQuery(query: URLSearchParams, challenges: Challenges): void {
  if (query.has('access_token')) {
    throw challenges.invalidRequest('The access token belongs in the Authorization header')
  }
}

/** What follows the scheme, yet unchecked. Another scheme counts as no token (RFC 6750 §3.1). */
function requireBearer(headers: Headers, challenges: Challenges): string {
  const credentials = /^bearer(?: +(.*))?$/i.exec(headers.get('authorization') ?? '')
  if (!credentials) throw challenges.unauthenticated()
  return credentials[1] ?? ''
}

/** RFC 6750 §2.1: b64token. What cannot be a token costs the authorization server nothing. */
function requireTokenSyntax(credentials: string, challenges: Challenges): string {
  if (credentials.length > 512 || !/^[A-Za-z0-9\-._~+/]+=*$/.test(credentials))
    throw challenges.invalidToken()
  return credentials
}

const PERSONAL_TOKEN_PREFIX = 'tgp_'
const USER_AGENT_CHARS_MAX = 256

/** The client is named for personal access tokens only: of all others it is known, to whom they were issued. */
function withClient(questions: Question[], bearer: string, headers: Headers): Question[] {
  const mcp_user_agent = headers.get('user-agent')?.slice(0, USER_AGENT_CHARS_MAX)
  if (!mcp_user_agent || !bearer.startsWith(PERSONAL_TOKEN_PREFIX)) return questions
  return questions.map((question) => ({ ...question, mcp_user_agent }))
}

/** Without an answer to every question nothing is known, and nothing is allowed. */
async function ask(
  introspect: Introspect,
  bearer: string,
  questions: Question[],
  settings: Pick<GuardSettings, 'on_error'>,
): Promise<(ActiveToken | undefined)[]> {
  try {
    return await Promise.all(questions.map((question) => introspect(bearer, question)))
  } catch (error) {
    settings.on_error(error instanceof Error ? error : new Error('The introspection failed'))
    throw unavailable()
  }
}

/** MCP authorization: servers MUST validate that tokens were issued specifically for them. */
function requireActive(
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
function requireAllowed(asked: Asked[], challenges: Challenges): void {
  const refused = asked.filter(
    ({ question, token }) => question.mcp_method !== undefined && !token.mcp?.allowed,
  )
  if (refused.length === 0) return
  const hopeless = refused.some(({ token }) => scopesOf(token).length === 0)
  const scopes = new Set(hopeless ? [] : asked.flatMap(({ token }) => scopesOf(token)))
  throw challenges.insufficientScope([...scopes])
}

function scopesOf(token: ActiveToken): string[] {
  return (token.mcp?.scope ?? '').split(' ').filter((scope) => scope !== '')
}

function toolsOf(asked: Asked[]): string[] {
  const called = asked.flatMap(({ question }) =>
    question.mcp_method === 'tools/call' ? [question.mcp_name] : [],
  )
  const listed = asked.flatMap(({ token }) => token.mcp?.tools ?? [])
  return [...new Set([...called, ...listed])].filter((name) => name !== undefined)
}
