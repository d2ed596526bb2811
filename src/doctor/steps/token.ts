import { stringsOf, webUrl } from '../crawl/response.ts'
import { evidenceOf } from '../finding.ts'
import { isLocal } from '../probe/local-address.ts'
import { finding } from './client-findings.ts'
import { type Step, stops, stopsBy, warns } from './client-state.ts'
import { addressFault, endpointFault } from './faults.ts'

/** Where the code becomes a token. It is only looked at from outside: nothing is posted there. */
const WHAT = 'The token endpoint'

export const token: Step = ({ crawl, server_metadata: document, server_response: response, profile }) => {
  const url = webUrl(document?.token_endpoint)
  if (!url || !response) return undefined
  const internal = addressFault(crawl, url, WHAT, response)
  if (internal) return stops(internal)
  const rule = profile.rules.token_endpoint
  const is_plain = url.protocol !== 'https:' && !isLocal(url)
  const plain = is_plain ? finding('token_endpoint_http', evidenceOf(response, url.href)) : undefined
  const fault = endpointFault(crawl, url.href, WHAT, profile)
  const grants = stringsOf(document?.grant_types_supported)
  const is_without_refresh = grants !== undefined && !grants.includes('refresh_token')
  return [
    plain && (rule.is === 'https only' ? stopsBy(rule, plain) : warns(plain)),
    stops(fault),
    is_without_refresh && !fault ? warns(finding('no_refresh', evidenceOf(response, grants))) : undefined,
  ]
}
