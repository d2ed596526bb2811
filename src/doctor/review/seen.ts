import { type Resource, riskOfScopes, scopesForTool } from '../../permission/scopes.ts'
import type { Challenge } from '../probe/challenge.ts'
import { readChallenges } from '../probe/challenge.ts'
import type { Exchange } from '../probe/exchange.ts'
import type { Asked, ListedTools, McpTool } from '../probe/mcp-session.ts'
import type { ActiveSeen, SeenCall } from './active/active-seen.ts'

/** What a review is asked to do. Tokens are those of the reviewer; none of them ever gets into what it says. */
export type ReviewOptions = {
  url: string
  /** `token`: personal tokens without any OAuth flow, so that no metadata is expected. `oauth` when absent. */
  strategy?: 'oauth' | 'token' | undefined
  token?: string | undefined
  /** Of another account for the same server. */
  second_token?: string | undefined
  /** Issued for another resource. */
  foreign_token?: string | undefined
  expired_token?: string | undefined
  read_only_token?: string | undefined
  operator_token?: string | undefined
  /** The authorization server that the reviewer trusts: other servers get neither operator nor refresh token. */
  issuer?: string | undefined
  catalogue?: Resource | undefined
  active?: ActiveOptions | undefined
  /** Of each request. */
  timeout_ms?: number | undefined
}

export type ActiveOptions = {
  client_id?: string | undefined
  /** Needs `client_id`; then nobody has to sign in. */
  refresh_token?: string | undefined
  /** Gets the address that a person opens to sign in. */
  onPerson: (authorization_url: string) => void
  /** How long the person has. */
  person_timeout_ms?: number | undefined
  /** How long after its first use a spent refresh token may still get the identical answer. */
  grace_ms?: number | undefined
  /** How long a revocation may take before it counts as ignored. */
  revocation_timeout_ms?: number | undefined
}

export type SeenDocument = { exchanges: Exchange[]; document: Record<string, unknown> | undefined }
export type SeenServer = SeenDocument & { issuer: string }

/** Everything a review collected. What is undefined was not asked, for want of a token or of a reason. */
export type Seen = {
  options: ReviewOptions
  is_loopback: boolean
  anonymous: { opened: Asked; listed: ListedTools }
  foreign_origin: Exchange | undefined
  foreign_host: Exchange | undefined
  /** Tokens that nobody issued. */
  made_up: { random: Exchange; malformed: Exchange; unsigned: Exchange; in_query: Exchange }
  metadata: SeenDocument
  servers: SeenServer[]
  preflight: Exchange
  token: SeenToken | undefined
  read_only: ListedTools | undefined
  read_only_call: SeenCall | undefined
  foreign: Exchange | undefined
  expired: Exchange | undefined
  active: ActiveSeen | undefined
  /** Every answer, and every secret that was sent for it. */
  answers: Exchange[]
  secrets: ReadonlySet<string>
}

export type SeenToken = {
  opened: Asked
  listed: ListedTools
  session_id: string | undefined
  in_query: Exchange
  disagreeing: Exchange | undefined
  batch: Exchange | undefined
  session_alone: Exchange | undefined
  session_of_other: Exchange | undefined
  unknown_session: Exchange | undefined
}

/** Tools were listed for somebody without any token. */
export function isOpen({ anonymous }: Seen): boolean {
  return anonymous.listed.tools !== undefined
}

/** Somewhere the deployment says that a token is needed. */
export function claimsAuthorization({ anonymous, metadata }: Seen): boolean {
  return metadata.document !== undefined || statusOf(anonymous.opened.answer) === 401
}

/** Undefined when there was no answer. */
export function statusOf(answer: Exchange | undefined): number | undefined {
  return answer?.outcome === 'answered' ? answer.status : undefined
}

/** For people: the status, or why there is none. */
export function statusText(answer: Exchange): string {
  return answer.outcome === 'answered' ? `${answer.status}` : `no answer (${answer.reason})`
}

/** The MCP server did what it was asked. */
export function isLetIn(answer: Exchange): boolean {
  if (answer.outcome === 'failed') return false
  const { status, text } = answer
  return status >= 200 && status < 300 && /"result"\s*:/.test(text)
}

export function headerOf(answer: Exchange | undefined, name: string): string | undefined {
  return answer?.outcome === 'answered' ? (answer.headers.get(name) ?? undefined) : undefined
}

/** The Bearer challenge; `malformed` when the header is there and cannot be read. */
export function bearerChallengeOf(answer: Exchange): Challenge | 'malformed' | undefined {
  const header = headerOf(answer, 'www-authenticate')
  if (header === undefined) return undefined
  const challenges = readChallenges(header)
  return challenges ? challenges.find(({ scheme }) => scheme === 'bearer') : 'malformed'
}

/** The answer that refuses whoever has no token. */
export function refusalOf({ anonymous }: Seen): Exchange {
  const { opened, listed } = anonymous
  return statusOf(opened.answer) === 401 ? opened.answer : listed.last.answer
}

/** The parameter of the challenge to whoever has no token. */
export function challengeParameter(seen: Seen, name: string): string | undefined {
  const challenge = bearerChallengeOf(refusalOf(seen))
  return challenge === 'malformed' ? undefined : challenge?.parameters.get(name)
}

/** Every text of a list, and nothing of what is no list. */
export function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : []
}

/** Scopes that the metadata or the challenge of the resource names. */
export function advertisedScopes(seen: Seen): string[] {
  const challenged = challengeParameter(seen, 'scope')?.split(' ') ?? []
  return [...new Set([...textsIn(seen.metadata.document?.scopes_supported), ...challenged])].filter(Boolean)
}

/** Every tool that anybody saw here. */
export function toolsSeen({ anonymous, token, read_only, active }: Seen): McpTool[] {
  const lists = [anonymous.listed, token?.listed, read_only, active?.listed]
  const by_name = new Map(lists.flatMap((list) => list?.tools ?? []).map((tool) => [tool.name, tool]))
  return [...by_name.values()]
}

/** By the catalogue where it says so, else by what the server says; a tool that nothing is said of may change things. */
export function isReadOnly({ options: { catalogue } }: Seen, tool: McpTool): boolean {
  const risk = catalogue && riskOfScopes(catalogue, scopesForTool(catalogue, tool.name))
  return risk === undefined ? tool.read_only : risk === 'read_only'
}
