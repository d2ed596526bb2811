import { displayUrl } from '../crawl/display-text.ts'
import type { Answered, Exchange } from '../crawl/exchange.ts'
import { type Arrival, arrivalAt, BROWSER_ORIGIN, type Crawl, responseTo } from '../crawl/http-cache.ts'
import { isLocal } from '../crawl/local-address.ts'
import { headerOf, isHtml, type JsonObject, jsonObject, redirectTarget } from '../crawl/response.ts'
import { evidenceOf, type Finding } from '../finding.ts'
import { finding } from './client-findings.ts'
import type { ClientState } from './client-state.ts'

/* What went wrong with one request, whatever it was for: the network, a proxy, a page where data should be. */

/** No response, or a status of 500 and more. `what` begins a sentence. */
export function serverFault(response: Exchange, what: string): Finding | undefined {
  if (response.outcome === 'failed') {
    const { kind, reason, url } = response
    return finding(kind, evidenceOf(response, reason), { what, url: displayUrl(url) })
  }
  const { status, headers } = response
  if (status < 500) return undefined
  const id = [502, 503, 504].includes(status) ? 'proxy_cannot_reach_server' : 'server_error'
  return finding(id, evidenceOf(response, headers.get('server') ?? undefined), { what, status })
}

const SIGN_IN = /log-?in|sign-?in|\bsso\b|saml|\bauth\b|adfs|okta|cloudflareaccess|vpn|portal/i

/** Where a redirect leads that this client does not follow. */
function redirectFault({ response, loop }: Arrival, what: string): Finding | undefined {
  if (loop) return finding('redirect_loop', evidenceOf(response, loop.map(displayUrl).join(' → ')), { what })
  const target = redirectTarget(response)
  if (!target) return undefined
  const is_sign_in = SIGN_IN.test(target.hostname + target.pathname)
  const id = is_sign_in && target.origin !== new URL(response.url).origin ? 'login_page' : 'redirected'
  return finding(id, evidenceOf(response, displayUrl(target.href)), { what, target: displayUrl(target.href) })
}

export function arrivalFault(arrival: Arrival, what: string): Finding | undefined {
  const { response } = arrival
  if (response.outcome === 'failed') return serverFault(response, what)
  return redirectFault(arrival, what) ?? serverFault(response, what)
}

/** A page where data should be. */
export function pageFault(response: Answered, what: string): Finding | undefined {
  if (!isHtml(response)) return undefined
  const title = /<title[^<>]*>([^<]{0,200})/i.exec(response.text)?.[1]?.trim()
  const seen = title === undefined ? response.text.slice(0, 80) : `the page “${title}”`
  const is_sign_in = /type\s*=\s*["']?password/i.test(response.text) || SIGN_IN.test(title ?? '')
  return finding(is_sign_in ? 'login_page' : 'html_instead_of_json', evidenceOf(response, seen), { what })
}

/** Why no JSON object came from where a document should be; undefined when one did. */
function documentFault(arrival: Arrival, what: string): Finding | undefined {
  const { response } = arrival
  const fault = arrivalFault(arrival, what)
  if (fault || response.outcome === 'failed') return fault
  const { status, text, json } = response
  if (status !== 200) {
    const id = [401, 403].includes(status) ? 'metadata_protected' : 'metadata_not_found'
    return finding(id, evidenceOf(response, isHtml(response) ? 'an HTML page' : undefined), { what, status })
  }
  if (jsonObject(json)) return undefined
  return pageFault(response, what) ?? finding('not_json', evidenceOf(response, text.slice(0, 80)), { what })
}

export type FoundDocument = { document: JsonObject; response: Answered }
type Lookup = FoundDocument | { document?: undefined; response?: Answered; fault?: Finding | undefined }

/** What this client finds at a place for metadata. Empty for a place that was not asked. */
export function lookUp({ profile, crawl }: ClientState, url: string, what: string): Lookup {
  const arrival = arrivalAt(crawl, url, profile.rules.redirects.is)
  if (!arrival) return {}
  const { response } = arrival
  let fault = documentFault(arrival, what)
  if (response.outcome === 'failed') return { fault }
  if (profile.in_browser) fault ??= readFault(crawl, response.url, what)
  const document = fault ? undefined : jsonObject(response.json)
  return document ? { document, response } : { response, fault }
}

/** A URL that only the machine or network of its operator can reach, named to the public. */
export function addressFault(crawl: Crawl, named: URL, what: string, seen: Exchange): Finding | undefined {
  if (!isLocal(named) || isLocal(new URL(crawl.url))) return undefined
  return finding('internal_address', evidenceOf(seen, named.href), { what, url: named.href })
}

/** An endpoint that only takes POST: whether it can be reached, and from a page in a browser where the client is one. */
export function endpointFault(
  crawl: Crawl,
  url: string,
  what: string,
  { in_browser }: { in_browser: boolean },
): Finding | undefined {
  const preflight = responseTo(crawl, 'preflight', url)
  if (!preflight) return undefined
  // Servers that do not know OPTIONS say 501.
  const fault =
    preflight.outcome === 'answered' && preflight.status === 501 ? undefined : serverFault(preflight, what)
  return fault ?? (in_browser ? preflightFault(preflight, what) : undefined)
}

/** What a page in a browser may read and send (the CORS protocol of the Fetch standard). */
function isAllowed(response: Exchange): boolean {
  const allowed = headerOf(response, 'access-control-allow-origin')
  return allowed === '*' || allowed === BROWSER_ORIGIN
}

function preflightFault(preflight: Exchange, what: string): Finding | undefined {
  if (preflight.outcome === 'failed') return undefined
  const { status } = preflight
  const is_allowed = isAllowed(preflight)
  if (status < 300 && is_allowed) return undefined
  return finding('cors_preflight', evidenceOf(preflight), {
    what,
    status,
    without: is_allowed ? '' : 'without ',
  })
}

/** A document that a page in a browser may not read. */
function readFault(crawl: Crawl, url: string, what: string): Finding | undefined {
  const response = responseTo(crawl, 'cross-origin GET', url)
  if (response === undefined || isAllowed(response)) return undefined
  return finding('cors_missing', evidenceOf(response), { what })
}
