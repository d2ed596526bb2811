import { asUnknownClient } from '../crawl/crawl.ts'
import { responseTo } from '../crawl/http-cache.ts'
import { isLocal } from '../crawl/local-address.ts'
import { stringsOf, webUrl } from '../crawl/response.ts'
import { evidenceOf } from '../finding.ts'
import { finding } from './client-findings.ts'
import { type ClientState, type Step, stops, stopsBy, warns } from './client-state.ts'
import { addressFault, endpointFault, serverFault } from './faults.ts'

/** The steps at the endpoints of the authorization server. */
const AUTHORIZATION_ENDPOINT = 'The authorization endpoint'
const TOKEN_ENDPOINT = 'The token endpoint'
const REGISTRATION_ENDPOINT = 'The registration endpoint'

/** How the client becomes known: by its metadata document, by registering, or by a person beforehand. */
export const registration: Step = (state) => {
  const { profile, crawl, probe, server_metadata: document, server_response: response } = state
  if (!document || !response) return undefined
  if (probe) return stops(probe.registration)
  if (registersByDocument(state)) return undefined
  const { client_id_metadata_document_supported: by_document, registration_endpoint } = document
  const url = webUrl(registration_endpoint)
  if (!url || !profile.rules.registers_by.is.includes('dynamic')) {
    const said = { client_id_metadata_document_supported: by_document, registration_endpoint }
    const seen = Object.entries(said).map(([name, value]) => `${name} = ${JSON.stringify(value) ?? 'absent'}`)
    return stops(finding('no_registration', evidenceOf(response, seen.join(', '))))
  }
  const what = REGISTRATION_ENDPOINT
  const fault = addressFault(crawl, url, what, response) ?? endpointFault(crawl, url.href, what, profile)
  if (fault) return stops(fault)
  const methods = stringsOf(document.token_endpoint_auth_methods_supported)
  const method = profile.registration?.token_endpoint_auth_method
  if (methods === undefined || typeof method !== 'string' || methods.includes(method)) return undefined
  return warns(finding('authentication_not_listed', evidenceOf(response, methods), { method }))
}

export function registersByDocument({ profile, server_metadata: document }: ClientState): boolean {
  if (!profile.document_url || !profile.rules.registers_by.is.includes('document')) return false
  if (document?.client_id_metadata_document_supported !== true) return false
  const methods = stringsOf(document.token_endpoint_auth_methods_supported)
  return !profile.document_needs_none || methods?.includes('none') === true
}

/** The page where people sign in and allow, and what the client will ask for there. */
export const authorize: Step = (state) => {
  const { crawl, probe, server_metadata: document, server_response, profile } = state
  state.scope = scopeOf(state)
  const url = webUrl(document?.authorization_endpoint)
  if (!url || !server_response) return undefined
  const internal = addressFault(crawl, url, AUTHORIZATION_ENDPOINT, server_response)
  if (internal || probe) return stops(internal ?? probe?.authorization)
  const response = responseTo(crawl, 'GET', asUnknownClient(url.href))
  const fault = response && serverFault(response, AUTHORIZATION_ENDPOINT)
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

/** Where the code becomes a token. It is only looked at from outside: nothing is posted there. */
export const token: Step = ({ crawl, server_metadata: document, server_response: response, profile }) => {
  const url = webUrl(document?.token_endpoint)
  if (!url || !response) return undefined
  const internal = addressFault(crawl, url, TOKEN_ENDPOINT, response)
  if (internal) return stops(internal)
  const rule = profile.rules.token_endpoint
  const is_plain = url.protocol !== 'https:' && !isLocal(url)
  const plain = is_plain ? finding('token_endpoint_http', evidenceOf(response, url.href)) : undefined
  const fault = endpointFault(crawl, url.href, TOKEN_ENDPOINT, profile)
  const grants = stringsOf(document?.grant_types_supported)
  const is_without_refresh = grants !== undefined && !grants.includes('refresh_token')
  return [
    plain && (rule.is === 'https only' ? stopsBy(rule, plain) : warns(plain)),
    stops(fault),
    is_without_refresh && !fault ? warns(finding('no_refresh', evidenceOf(response, grants))) : undefined,
  ]
}
