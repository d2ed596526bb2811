import type { Exchange } from './exchange.ts'
import { documentAt, HttpCache, responseTo } from './http-cache.ts'
import { challengedMetadataUrl, jsonObjects, statusOf, stringsOf, webUrl } from './response.ts'
import { allServerMetadataUrls, defaultEndpoints, resourceMetadataUrls } from './well-known.ts'

/**
 * The crawl of a deployment: whatever a client asks for on its way to a sign-in page, by reads alone. The doctor and the
 * review judge what it collected, and send nothing of their own for what is in it.
 */
const MAX_SERVERS = 5

/** The MCP URL itself. Throws for nothing that the other side does. */
export async function crawlUrl(url: string, timeout_ms?: number): Promise<HttpCache> {
  const cache = new HttpCache(url, timeout_ms)
  await cache.send(['initialize'], [url])
  return cache
}

/** Discovery, from what the challenges name. What was sent before is not sent again. */
export async function crawlDiscovery(cache: HttpCache, challenges: readonly Exchange[]): Promise<void> {
  const { url } = cache
  await cache.send(['preflight', 'preflight of an unknown origin'], [url])
  if (challenges.some((response) => statusOf(response) === 401)) await cache.send(['unknown token'], [url])
  const metadata_urls = [...challenges.map(challengedMetadataUrl), ...resourceMetadataUrls(url)]
  await cache.send(['GET', 'cross-origin GET'], metadata_urls)
  const issuers = metadata_urls.map((at) => (at === undefined ? [] : issuersAt(cache, at)))
  // Clients take the first that is named, or the origin of the MCP server.
  const first = issuers.flatMap(([issuer]) => issuer ?? [])
  const servers = new Set([...first, originOf(url), ...issuers.flat()])
  await crawlServers(cache, [...servers].slice(0, MAX_SERVERS))
}

function issuersAt(cache: HttpCache, url: string): string[] {
  const named = stringsOf(documentAt(cache, url)?.authorization_servers) ?? []
  return named.filter((issuer) => webUrl(issuer) !== undefined)
}

async function crawlServers(cache: HttpCache, issuers: readonly string[]): Promise<void> {
  const urls = issuers.flatMap(allServerMetadataUrls)
  await cache.send(['GET', 'cross-origin GET'], urls)
  const documents = jsonObjects([
    ...urls.map((url) => documentAt(cache, url)),
    ...issuers.map(defaultEndpoints),
  ])
  const named = (name: string) => documents.map((document) => webUrl(document[name])?.href)
  await cache.send(['preflight'], [...named('token_endpoint'), ...named('registration_endpoint')])
  await cache.send(
    ['GET'],
    named('authorization_endpoint').flatMap((endpoint) => (endpoint ? asUnknownClient(endpoint) : [])),
  )
}

/** Everything that the doctor judges. */
export async function crawl(url: string): Promise<HttpCache> {
  const cache = await crawlUrl(url)
  const first = responseTo(cache, 'initialize', url)
  if (first?.outcome === 'answered') await crawlDiscovery(cache, [first])
  return cache
}

/** The authorization server that clients take when the MCP server names none: its own origin. */
export function originOf(url: string): string {
  return new URL(url).origin
}

/** An authorization request of a client that is not registered: RFC 6749 §4.1.2.1 has it told to the person, never redirected. */
export function asUnknownClient(endpoint: string): string {
  const url = new URL(endpoint)
  url.searchParams.set('response_type', 'code')
  url.searchParams.set('client_id', 'toolgate-doctor-unknown-client')
  url.searchParams.set('redirect_uri', 'http://127.0.0.1/callback')
  return url.href
}
