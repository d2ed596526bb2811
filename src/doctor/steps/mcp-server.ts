import type { Answered } from '../crawl/exchange.ts'
import { type Crawl, responseTo } from '../crawl/http-cache.ts'
import { isLocal } from '../crawl/local-address.ts'
import { bearerChallengeOf, challengedMetadataUrl, headerOf, statusOf } from '../crawl/response.ts'
import { evidenceOf } from '../finding.ts'
import { finding } from './client-findings.ts'
import { type ClientState, type Step, stops, warns } from './client-state.ts'
import { arrivalFault, pageFault } from './faults.ts'

/** The steps at the MCP server: before a client has looked for its authorization server, and after. */
const WHAT = 'The MCP URL'

/** Does an MCP server answer at the URL? */
export const reach: Step = (state) => {
  const { crawl, profile } = state
  const response = responseTo(crawl, 'initialize', crawl.url)
  if (!response) return undefined
  const fault = arrivalFault({ response }, WHAT)
  if (fault || response.outcome === 'failed') return stops(fault)
  state.first = response
  const { status } = response
  if ([404, 405, 410].includes(status))
    return stops(finding('no_mcp_endpoint', evidenceOf(response), { status }))
  const page = pageFault(response, WHAT)
  if (page && (status < 300 || page.id === 'login_page')) return stops(page)
  const preflight = responseTo(crawl, 'preflight', crawl.url)
  const is_closed = preflight?.outcome === 'answered' && !preflight.headers.has('access-control-allow-origin')
  return [
    exposure(new URL(crawl.url), profile.hosted),
    profile.in_browser && is_closed ? warns(finding('mcp_cors_missing', evidenceOf(preflight))) : undefined,
  ]
}

function exposure(url: URL, is_hosted = false) {
  const evidence = { method: 'POST', url: url.origin }
  if (is_hosted && isLocal(url)) return warns(finding('not_public', evidence))
  return url.protocol === 'http:' && !isLocal(url) ? warns(finding('http', evidence)) : undefined
}

/** A client begins to sign in at 401 and at nothing else; the challenge says where to look. */
export const challenge: Step = (state) => {
  const { first } = state
  if (!first) return undefined
  const { status, text } = first
  if (status < 300) {
    state.is_open = true
    return warns(finding('no_sign_in', evidenceOf(first)))
  }
  if (status === 401) return warns(challengeFinding(state, first))
  const id = status === 403 ? 'forbidden_instead_of_unauthorized' : 'no_unauthorized'
  return stops(finding(id, evidenceOf(first, text.slice(0, 120) || undefined), { status }))
}

function challengeFinding(state: ClientState, first: Answered) {
  const header = headerOf(first, 'www-authenticate')
  if (header === undefined) {
    const via = headerOf(first, 'via') ?? headerOf(first, 'server')
    const evidence = evidenceOf(first, via === undefined ? undefined : `answered by ${via}`)
    return finding(hasMetadata(state.crawl) ? 'challenge_stripped' : 'challenge_missing', evidence)
  }
  const bearer = bearerChallengeOf(first)
  const evidence = evidenceOf(first, header)
  state.challenged_url = challengedMetadataUrl(first)
  if (bearer === 'malformed') return finding('challenge_malformed', evidence)
  if (bearer === undefined) return finding('challenge_not_bearer', evidence)
  const { parameters } = bearer
  state.challenged_scope = parameters.get('scope')
  if (state.challenged_url !== undefined) return undefined
  const is_named = parameters.has('resource_metadata')
  return finding(is_named ? 'metadata_url_invalid' : 'challenge_without_metadata', evidence)
}

function hasMetadata({ responses }: Crawl): boolean {
  return [...responses].some(
    ([key, response]) => /^GET .*oauth-protected-resource/.test(key) && statusOf(response) === 200,
  )
}

/** The request once more, with a token. Without a person there is none, so that the token is one that was never issued. */
export const retry: Step = ({ crawl }) => {
  const response = responseTo(crawl, 'unknown token', crawl.url)
  if (response?.outcome !== 'answered') return undefined
  const { status } = response
  if (status < 300) return warns(finding('bad_token_let_in', evidenceOf(response)))
  // 405 and the like: it does not take GET, which says nothing about tokens.
  if (status < 500 && status !== 403) return undefined
  return warns(finding('bad_token_not_401', evidenceOf(response), { status }))
}
