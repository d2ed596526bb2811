import { stringsOf, webUrl } from '../crawl/response.ts'
import { evidenceOf } from '../finding.ts'
import { finding } from './client-findings.ts'
import { type ClientState, type Step, stops, warns } from './client-state.ts'
import { endpointFault } from './faults.ts'

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
  const fault = endpointFault(crawl, url.href, 'The registration endpoint', profile)
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
