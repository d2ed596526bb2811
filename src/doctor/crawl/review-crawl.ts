import { isLoopbackHost } from '../../base/host.ts'
import { riskOfScopes, scopesForTool } from '../../permission/scopes.ts'
import { crawlDiscovery, originOf } from './crawl.ts'
import { type Exchange, exchange } from './exchange.ts'
import { arrivalAt, type Crawl, type HttpCache, UNKNOWN_ORIGIN } from './http-cache.ts'
import type { McpProber, ReviewOptions } from './mcp-prober.ts'
import {
  INITIALIZE,
  INITIALIZE_REQUEST,
  type ListedTools,
  listTools,
  type McpResponse,
  type McpTool,
} from './mcp-session.ts'
import {
  challengedMetadataUrl,
  challengeParameters,
  type JsonObject,
  jsonObject,
  statusOf,
  stringsOf,
  webUrl,
} from './response.ts'
import { type InvalidTokens, probeInvalidTokens, probeToken, type TokenProbes } from './token-probes.ts'
import { resourceMetadataUrls, serverMetadataUrls } from './well-known.ts'

/** The crawl of a review: beside discovery, what the MCP server answers with and without tokens. Nothing calls a tool. */
export type ReviewCrawl = Crawl & {
  options: ReviewOptions
  is_loopback: boolean
  anonymous: { opened: McpResponse; listed: ListedTools }
  metadata: FoundDocument
  servers: (FoundDocument & { issuer: string })[]
  invalid_tokens: InvalidTokens
  /** What is undefined from here on was not sent, for want of a token or of a reason. */
  foreign_origin: Exchange | undefined
  foreign_host: Exchange | undefined
  foreign_token: Exchange | undefined
  expired_token: Exchange | undefined
  read_only: ListedTools | undefined
  token: TokenProbes | undefined
  /** Every response, and every secret that was sent for it. */
  exchanges: readonly Exchange[]
  secrets: ReadonlySet<string>
}

/** The first JSON object with 200 at these addresses, without redirects. */
export type FoundDocument = { looked_at: string[]; url?: string; document?: JsonObject }

const MAX_SERVERS = 3

/** Sends everything that the rules want to know, in an order in which nothing spoils what comes after. */
export async function crawlForReview(
  cache: HttpCache,
  first: Exchange,
  prober: McpProber,
): Promise<ReviewCrawl> {
  const { options, say } = prober
  const { url, timeout_ms, foreign_token, expired_token, read_only_token } = options
  say('without a token')
  const { opened, ask } = await prober.open(undefined, first)
  const anonymous = { opened, listed: await listTools(ask) }
  const challenges = [first, anonymous.listed.last.response]
  say('metadata')
  await crawlDiscovery(cache, challenges)
  const named = challenges.flatMap((response) => challengedMetadataUrl(response) ?? [])
  const metadata = findDocument(cache, [...new Set([...named, ...resourceMetadataUrls(url)])])
  const servers = serversIn(cache, metadata)
  say('with tokens that were never issued')
  const invalid_tokens = await probeInvalidTokens(prober, servers[0]?.issuer ?? originOf(url))
  const is_loopback = isLoopbackHost(new URL(url).hostname)
  const is_exposed = is_loopback && anonymous.listed.tools !== undefined
  if (is_exposed) say('as a page of another website')
  const host = new URL(UNKNOWN_ORIGIN).host
  return {
    url,
    responses: cache.responses,
    options,
    is_loopback,
    anonymous,
    metadata,
    servers,
    invalid_tokens,
    // As a page does that has its own name lead to this machine.
    foreign_origin: is_exposed
      ? await prober.post(undefined, INITIALIZE, { origin: UNKNOWN_ORIGIN })
      : undefined,
    foreign_host: is_exposed ? await exchange(url, { ...INITIALIZE_REQUEST, host, timeout_ms }) : undefined,
    foreign_token: await given(foreign_token, (token) => prober.listOnce(token)),
    expired_token: await given(expired_token, (token) => prober.listOnce(token)),
    read_only: await given(read_only_token, async (token) => listTools((await prober.open(token)).ask)),
    token: await given(options.token, (token) => probeToken(prober, token)),
    exchanges: prober.exchanges,
    secrets: prober.secrets,
  }
}

async function given<T>(
  token: string | undefined,
  send: (token: string) => Promise<T>,
): Promise<T | undefined> {
  return token === undefined ? undefined : send(token)
}

function findDocument(cache: HttpCache, looked_at: string[]): FoundDocument {
  for (const url of looked_at) {
    const response = arrivalAt(cache, url, 'never')?.response
    const document = response?.outcome === 'answered' ? jsonObject(response.json) : undefined
    if (document && statusOf(response) === 200) return { looked_at, url, document }
  }
  return { looked_at }
}

/** The RFC 8414 documents of the first authorization servers that the resource names. */
function serversIn(cache: HttpCache, { document }: FoundDocument): ReviewCrawl['servers'] {
  const issuers = (stringsOf(document?.authorization_servers) ?? []).filter((issuer) => webUrl(issuer))
  return issuers
    .slice(0, MAX_SERVERS)
    .map((issuer) => ({ issuer, ...findDocument(cache, serverMetadataUrls(issuer)) }))
}

/** Tools were listed without any token. */
export function isOpen({ anonymous }: ReviewCrawl): boolean {
  return anonymous.listed.tools !== undefined
}

/** Somewhere the deployment says that a token is needed. */
export function claimsAuthorization({ anonymous, metadata }: ReviewCrawl): boolean {
  return metadata.document !== undefined || statusOf(anonymous.opened.response) === 401
}

/** The refusal of a request without a token. */
export function refusalOf({ anonymous }: ReviewCrawl): Exchange {
  const { opened, listed } = anonymous
  return statusOf(opened.response) === 401 ? opened.response : listed.last.response
}

/** Scopes in the challenge to a request without a token. */
export function challengedScopes(crawl: ReviewCrawl): string[] {
  return challengeParameters(refusalOf(crawl))?.get('scope')?.split(' ').filter(Boolean) ?? []
}

/** Scopes in the metadata of the resource. */
export function metadataScopes({ metadata }: ReviewCrawl): string[] {
  return stringsOf(metadata.document?.scopes_supported)?.filter(Boolean) ?? []
}

/** Every tool that was listed for one token or another. */
export function toolsListed(crawl: ReviewCrawl, active?: { listed?: ListedTools }): McpTool[] {
  const lists = [crawl.anonymous.listed, crawl.token?.listed, crawl.read_only, active?.listed]
  const by_name = new Map(lists.flatMap((list) => list?.tools ?? []).map((tool) => [tool.name, tool]))
  return [...by_name.values()]
}

/** By the catalogue where it says so, else by what the server says; a tool that nothing is said of may change things. */
export function isReadOnly({ options: { catalogue } }: ReviewCrawl, tool: McpTool): boolean {
  const risk = catalogue && riskOfScopes(catalogue, scopesForTool(catalogue, tool.name))
  return risk === undefined ? tool.read_only : risk === 'read_only'
}
