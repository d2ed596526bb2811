import { asUnknownClient } from '../crawl/crawl.ts'
import { responseTo } from '../crawl/http-cache.ts'
import { stringsOf, webUrl } from '../crawl/response.ts'
import { evidenceOf } from '../finding.ts'
import { finding } from './client-findings.ts'
import { type ClientState, type Step, stops, warns } from './client-state.ts'
import { addressFault, serverFault } from './faults.ts'

/** The page where people sign in and allow, and what the client will ask for there. */
const WHAT = 'The authorization endpoint'

export const authorize: Step = (state) => {
  const { crawl, probe, server_metadata: document, server_response, profile } = state
  state.scope = scopeOf(state)
  const url = webUrl(document?.authorization_endpoint)
  if (!url || !server_response) return undefined
  const internal = addressFault(crawl, url, WHAT, server_response)
  if (internal || probe) return stops(internal ?? probe?.authorization)
  const response = responseTo(crawl, 'GET', asUnknownClient(url.href))
  const fault = response && serverFault(response, WHAT)
  if (fault || response?.outcome !== 'answered') return stops(fault)
  const { status } = response
  if (status === 404 || status === 405)
    return stops(finding('endpoint_not_found', evidenceOf(response), { status }))
  if (!profile.probes_authorize || status === 400) return undefined
  return warns(finding('unknown_client_not_400', evidenceOf(response)))
}

/** What the client will ask for; undefined when it leaves the scope out. */
export function scopeOf(state: ClientState): string | undefined {
  const listed = {
    challenge: state.challenged_scope,
    resource: stringsOf(state.resource_metadata?.scopes_supported)?.join(' '),
    server: stringsOf(state.server_metadata?.scopes_supported)?.join(' '),
  }
  return state.profile.rules.scope.is.map((from) => listed[from]).find(Boolean)
}
