import { randomBytes, randomUUID } from 'node:crypto'
import type { Exchange } from './exchange.ts'
import type { McpProber } from './mcp-prober.ts'
import {
  type ListedTools,
  listTools,
  type McpConnection,
  rpcRequest,
  STATELESS_REVISION,
  sessionHeaders,
  statelessHeaders,
  statelessRequest,
} from './mcp-session.ts'
import { isLetIn } from './response.ts'

/** Responses to tokens that were never issued. */
export type InvalidTokens = { random: Exchange; malformed: Exchange; unsigned: Exchange; in_query: Exchange }

/** Random, so that they can never be the token of any user. */
export function randomToken(): string {
  return randomBytes(32).toString('base64url')
}

export async function probeInvalidTokens(prober: McpProber, issuer: string): Promise<InvalidTokens> {
  return {
    random: await prober.listOnce(randomToken()),
    malformed: await prober.listOnce(`${randomToken()} ${randomToken()},"`),
    unsigned: await prober.listOnce(unsignedToken({ iss: issuer, aud: prober.options.url })),
    in_query: await prober.listByQuery(randomToken()),
  }
}

/** A JWT that claims all that a server could wish for, without a signature (RFC 7519 §6). */
function unsignedToken(claims: { iss: string; aud: string }): string {
  const now_seconds = Math.floor(Date.now() / 1000)
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const times = { iat: now_seconds, exp: now_seconds + 3600 }
  return `${part({ alg: 'none', typ: 'JWT' })}.${part({ ...claims, ...times, sub: 'review', jti: randomToken() })}.`
}

/** Responses that only a valid token gets. What is absent was not sent, for want of a session or a revision. */
export type TokenProbes = {
  listed: ListedTools
  session_id: string | undefined
  in_query: Exchange
  disagreeing?: Exchange | undefined
  batch?: Exchange | undefined
  session_alone?: Exchange
  session_of_other?: Exchange | undefined
  unknown_session?: Exchange
}

/** The first revision that has no batches. */
const WITHOUT_BATCHES = '2025-06-18'

/** All of it lists tools, and nothing calls one. */
export async function probeToken(prober: McpProber, token: string): Promise<TokenProbes> {
  prober.say('with the token')
  const connection = await prober.open(token)
  const { session_id } = connection
  const listed = await listTools(connection.ask)
  const probes = { listed, session_id, in_query: await prober.listByQuery(token) }
  if (!listed.tools) return probes
  const sessions = await probeSession(prober, connection, token)
  const request = statelessRequest('tools/list')
  const headers = statelessHeaders(request)
  const is_stateless = isLetIn(await prober.post(token, request, headers))
  return {
    ...probes,
    ...sessions,
    // Only a server that speaks the revision which has these headers must compare them.
    disagreeing: is_stateless
      ? await prober.post(token, request, { ...headers, 'mcp-method': 'ping' })
      : undefined,
    batch: await sendBatch(prober, connection, token, is_stateless),
  }
}

/** In the newest revision that the server speaks. */
async function sendBatch(
  prober: McpProber,
  { revision, session_id }: McpConnection,
  token: string,
  is_stateless: boolean,
): Promise<Exchange | undefined> {
  if (is_stateless) {
    const requests = [statelessRequest('tools/list'), statelessRequest('server/discover')]
    return prober.post(token, requests, { 'mcp-protocol-version': STATELESS_REVISION })
  }
  if (revision === undefined || revision < WITHOUT_BATCHES) return undefined
  const requests = [rpcRequest('tools/list'), rpcRequest('ping')]
  return prober.post(token, requests, sessionHeaders(revision, session_id))
}

async function probeSession(
  prober: McpProber,
  { revision, session_id }: McpConnection,
  token: string,
): Promise<Partial<TokenProbes>> {
  const { second_token } = prober.options
  if (revision === undefined || session_id === undefined) return {}
  const headers = sessionHeaders(revision, session_id)
  return {
    session_alone: await prober.listOnce(undefined, headers),
    session_of_other: second_token === undefined ? undefined : await prober.listOnce(second_token, headers),
    unknown_session: await prober.listOnce(token, sessionHeaders(revision, randomUUID())),
  }
}
