/**
 * The annex: what an MCP server (an OAuth resource server) puts in front of itself. It asks the authorization
 * server about every message, in MCP's own words, and lets the request through only on its explicit "allowed". In mode
 * `none`, where there is no authorization server, it asks the catalogue. `adapters/` fit it into frameworks.
 */
import { watchTogether } from './answers/answer-watch.ts'
import type { WatchOpen } from './answers/watch-open.ts'
import { isPersonalToken, refuseTokenInQuery, requireBearer, requireTokenSyntax } from './bearer.ts'
import { type Challenges, createChallenges } from './challenge.ts'
import { checkOptions, type GuardOptions, type GuardSettings } from './guard-options.ts'
import { type GuardedRequest, guardedRequestOf } from './guarded-request.ts'
import type { Introspect } from './introspection-client/introspection.ts'
import {
  type Allowed,
  type Asked,
  allowedOf,
  requireActive,
  requireAllowed,
  type Watch,
} from './introspection-client/verdict.ts'
import { requireHeadersToAgree } from './mcp-headers.ts'
import { type Message, messagesIn, type Question } from './mcp-messages.ts'
import { partsOf } from './parts.ts'
import {
  type ProtectedResourceMetadata,
  protectedResourceMetadata,
  protectedResourceMetadataPaths,
} from './protected-resource-metadata.ts'
import { Refusal, type Refused, unavailable } from './refusal.ts'
import { createSessions } from './sessions.ts'

export type Decision = Allowed | Refused

export type Guard = {
  settings: GuardSettings
  /** Mode `oauth`: the RFC 9728 document, and the paths at which it is served. */
  metadata: { document: ProtectedResourceMetadata; paths: string[] } | undefined
  /** Never throws for what a client or the authorization server does: every fault is a Refused. */
  decide(request: Request | GuardedRequest): Promise<Decision>
  /** Brings away what is yet to be recorded. */
  close(): Promise<void>
}

/** What a decision is made with. */
export type DecisionSettings = Pick<GuardSettings, 'mode' | 'resource' | 'default_scopes' | 'on_error'> & {
  /** Mode `none` only. */
  decided_by?: GuardSettings['decided_by']
}

/**
 * Builds the guard of one MCP server.
 * @throws TypeError for a malformed option
 */
export function createGuard(options: GuardOptions): Guard {
  const settings = checkOptions(options)
  const parts = partsOf(settings)
  const deciding = parts.then(({ introspect, watches, watch_open }) =>
    decideBy(settings, introspect, watches, watch_open),
  )
  return {
    settings,
    metadata: metadataOf(settings),
    decide: async (request) => (await deciding)(request),
    close: async () => (await parts).close(),
  }
}

function metadataOf(settings: GuardSettings): Guard['metadata'] {
  const { mode, resource, decided_by } = settings
  if (mode !== 'oauth' || !('server' in decided_by)) return undefined
  const { issuer } = decided_by.server
  return {
    document: protectedResourceMetadata({ ...settings, issuer }),
    paths: protectedResourceMetadataPaths(resource),
  }
}

/** The guard's decisions, for whoever has another way to ask the authorization server than over HTTP. */
export function decideBy(
  settings: DecisionSettings,
  introspect: Introspect,
  watches: readonly Watch[] = [],
  watch_open?: WatchOpen,
): Guard['decide'] {
  const challenges = createChallenges(settings)
  const sessions = createSessions()

  /** Before a long body: whether there is anybody to read it for. */
  async function requireLive(bearer: string): Promise<void> {
    if (settings.mode === 'none') return
    const question = { request_id: crypto.randomUUID() }
    requireActive(await ask(introspect, bearer, [question], settings), [question], settings, challenges)
  }

  async function passSteps(given: Request | GuardedRequest): Promise<Allowed> {
    const request = given instanceof Request ? guardedRequestOf(given) : given
    const credentials = credentialsOf(request, settings, challenges)
    const bearer = settings.mode === 'none' ? '' : requireTokenSyntax(credentials, settings, challenges)
    let proving: Promise<void> | undefined
    const body = await request.readBody(() => {
      proving ??= requireLive(bearer)
      return proving
    })
    const messages = messagesIn(body)
    if (request.connection !== 'stdio') requireHeadersToAgree(request.headers, body)
    const questions = questionsAbout(messages, bearer, request.headers)
    const answers = await ask(introspect, bearer, questions, settings)
    const asked = requireActive(answers, questions, settings, challenges)
    const principal = principalOf(asked[0])
    sessions.require(request.headers, principal)
    requireAllowed(asked, challenges, request.headers)
    const allowed = allowedOf(bearer, asked, body)
    const cut = new AbortController()
    const all = [
      sessions.watch(request.method ?? 'POST', request.headers, principal),
      ...watches.map((watch) => watch(request, allowed, asked)),
      watch_open?.({ bearer, token: allowed.token, cut: () => cut.abort() }),
    ].filter((watch) => watch !== undefined)
    return { ...allowed, watch: watchTogether(all, settings.on_error), cut: cut.signal }
  }

  return (request) => passSteps(request).catch(refusedOf)
}

function refusedOf(error: unknown): Refused {
  if (error instanceof Refusal) return error.answer
  throw error
}

/** Who comes in the way that this mode trusts; in mode `none` there are no credentials. */
function credentialsOf(
  request: GuardedRequest,
  { decided_by }: DecisionSettings,
  challenges: Challenges,
): string {
  if (decided_by && 'local' in decided_by) {
    decided_by.local.requireLocal(request)
    return ''
  }
  refuseTokenInQuery(request.query, challenges)
  return requireBearer(request.headers, challenges)
}

/** A session is a person's at one client: the tokens that he gets there change while it lasts. */
function principalOf({ token: { sub, client_id } }: Asked): string {
  return JSON.stringify([sub, client_id])
}

const USER_AGENT_CHARS_MAX = 256

/** The client is named for personal access tokens only: of all others it is known, to whom they were issued. */
function questionsAbout(messages: readonly Message[], bearer: string, headers: Headers): Question[] {
  const user_agent = isPersonalToken(bearer) ? headers.get('user-agent') : null
  const client = user_agent ? { mcp_user_agent: user_agent.slice(0, USER_AGENT_CHARS_MAX) } : {}
  return messages.map((message) => ({ ...message, ...client, request_id: crypto.randomUUID() }))
}

/** Without an answer to every question nothing is known, and nothing is allowed. */
async function ask(
  introspect: Introspect,
  bearer: string,
  questions: Question[],
  settings: Pick<GuardSettings, 'on_error'>,
) {
  try {
    return await Promise.all(questions.map((question) => introspect(bearer, question)))
  } catch (error) {
    settings.on_error(error instanceof Error ? error : new Error('The introspection failed'))
    throw unavailable()
  }
}
