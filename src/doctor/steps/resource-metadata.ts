import { originOf } from '../crawl/crawl.ts'
import { displayUrl } from '../crawl/display-text.ts'
import type { Answered } from '../crawl/exchange.ts'
import { stringsOf, webUrl } from '../crawl/response.ts'
import { resourceMetadataUrls } from '../crawl/well-known.ts'
import { type Evidence, evidenceOf, type Finding } from '../finding.ts'
import { finding } from './client-findings.ts'
import { type ClientState, type Step, stops, stopsBy, warns } from './client-state.ts'
import { addressFault, type FoundDocument, lookUp } from './faults.ts'

/** RFC 9728: the metadata of the MCP server, which names its authorization server. */
const WHAT = 'The metadata of the MCP server'

export const resourceMetadata: Step = (state) => {
  const { profile, crawl, challenged_url } = state
  const is_alone = challenged_url !== undefined && profile.rules.challenged_metadata.is === 'alone'
  const urls = [challenged_url ?? [], is_alone ? [] : resourceMetadataUrls(crawl.url)].flat()
  let missed: Finding | undefined
  for (const url of new Set(urls)) {
    const found = lookUp(state, url, WHAT)
    // The challenge may name one place where nothing is, and the document be found elsewhere.
    if (found.document)
      return [challenged_url === undefined ? undefined : warns(missed), ...read(state, found)]
    missed ??= found.fault ?? notAsked(crawl.url, url)
  }
  if (!missed) return undefined
  const rule = profile.rules.without_resource_metadata
  if (rule.is === 'gives up') return stopsBy(rule, missed)
  // The client now believes that the MCP server is its own authorization server, which it nearly never is.
  state.issuer = originOf(crawl.url)
  return warns(missed)
}

function notAsked(typed: string, url: string): Finding {
  const evidence = { method: 'POST', url: displayUrl(typed), seen: displayUrl(url) }
  return finding('internal_address', evidence, { what: 'The metadata URL of the challenge', url })
}

function read(state: ClientState, { document, response }: FoundDocument) {
  state.resource_metadata = document
  const methods = stringsOf(document.bearer_methods_supported)
  const is_header_missing = methods !== undefined && !methods.includes('header')
  return [
    resourceFinding(state, document.resource, response),
    is_header_missing ? warns(finding('header_not_offered', evidenceOf(response, methods))) : undefined,
    serverFinding(state, stringsOf(document.authorization_servers), response),
  ]
}

function serverFinding(state: ClientState, servers: string[] | undefined, response: Answered) {
  const [named] = servers ?? []
  const server = webUrl(named)
  if (server && named !== undefined) {
    state.issuer = named
    return stops(
      addressFault(state.crawl, server, 'The authorization server that the metadata names', response),
    )
  }
  const seen = servers && `authorization_servers = ${JSON.stringify(servers)}`
  const missing = finding('no_authorization_server', evidenceOf(response, seen))
  if (state.profile.rules.without_resource_metadata.is === 'gives up' || named !== undefined)
    return stops(missing)
  state.issuer = originOf(state.crawl.url)
  return warns(missing)
}

function resourceFinding({ profile, crawl }: ClientState, resource: unknown, response: Answered) {
  const rule = profile.rules.resource
  const typed = crawl.url
  const named = webUrl(resource)
  if (!named || typeof resource !== 'string')
    return stopsBy(rule, finding('resource_missing', evidenceOf(response, resource), { typed }))
  if (resource === typed) return undefined
  const found = differenceOf(new URL(typed), named, typed, evidenceOf(response, `resource = ${resource}`))
  return agrees(rule.is, typed, resource, named) ? warns(found) : stopsBy(rule, found)
}

/** As the client compares it. */
function agrees(rule: string, typed: string, resource: string, named: URL): boolean {
  const url = new URL(typed)
  if (rule === 'same text') return resource === `${url.origin}${url.pathname}`
  if (rule === 'same URL') return named.href === url.href
  // The TypeScript SDK refuses a longer path before it looks at slashes.
  if (rule === 'same or parent' && url.pathname.length < named.pathname.length) return false
  const within = (path: string) => (path.endsWith('/') ? path : `${path}/`)
  return named.origin === url.origin && within(url.pathname).startsWith(within(named.pathname))
}

function differenceOf(url: URL, named: URL, typed: string, evidence: Evidence): Finding {
  if (named.href.replace(/\/$/, '') === url.href.replace(/\/$/, ''))
    return finding('resource_slash', evidence, { typed })
  if (named.host !== url.host) return finding('resource_host', evidence, { typed, host: named.host })
  const [asked, said] = [url.protocol.slice(0, -1), named.protocol.slice(0, -1)]
  if (said !== asked) return finding('resource_scheme', evidence, { typed, named: said, asked })
  return finding('resource_path', evidence, { typed, path: named.pathname })
}
