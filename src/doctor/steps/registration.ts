import { isPostableFromBrowser } from '../cross-origin.ts'
import type { Journey, Step } from '../journey.ts'
import { failureOf, serverFaultOf } from '../mistakes.ts'
import { evidenceOf, type Finding, fails, warns } from '../problem.ts'
import { listOf, visitOf, webUrl } from '../walk.ts'

/** How the client becomes known: by its metadata document, by registering, or by a person beforehand. */
const WHAT = 'The registration endpoint'

export const registration: Step = (journey) => {
  const { profile, server_metadata: document, server_answer: answer } = journey
  if (!document || !answer) return []
  if (journey.trial) return journey.trial.registration
  if (registersByDocument(journey)) return []
  const url = webUrl(document.registration_endpoint)
  if (profile.rules.registers_by.is.includes('dynamic') && url) return dynamicFindings(journey, url.href)
  return [
    fails({
      mistake: 'no_registration',
      says: 'The authorization server offers no way of becoming known that this client has: it has to be registered by hand.',
      mend: 'Offer client ID metadata documents or dynamic registration, or register the client beforehand and give people its client_id.',
      evidence: evidenceOf(
        answer,
        `client_id_metadata_document_supported = ${JSON.stringify(document.client_id_metadata_document_supported) ?? 'absent'}, registration_endpoint = ${JSON.stringify(document.registration_endpoint) ?? 'absent'}`,
      ),
    }),
  ]
}

export function registersByDocument({ profile, server_metadata: document }: Journey): boolean {
  if (!profile.document_url || !profile.rules.registers_by.is.includes('document')) return false
  if (document?.client_id_metadata_document_supported !== true) return false
  const methods = listOf(document, 'token_endpoint_auth_methods_supported')
  return !profile.document_needs_none || methods?.includes('none') === true
}

function dynamicFindings(
  { profile, walk, server_metadata: document, server_answer: answer }: Journey,
  url: string,
): Finding[] {
  const preflight = visitOf(walk, 'preflight', url)?.hops[0]
  if (!preflight || !answer) return []
  const broken =
    failureOf(preflight, WHAT) ??
    (preflight.outcome === 'answered' && preflight.status !== 501
      ? serverFaultOf(preflight, WHAT)
      : undefined)
  if (broken) return [fails(broken)]
  const closed = profile.in_browser ? isPostableFromBrowser(walk, url, WHAT) : undefined
  if (closed) return [fails(closed)]
  const methods = listOf(document, 'token_endpoint_auth_methods_supported')
  const wanted = profile.registration?.token_endpoint_auth_method
  if (methods === undefined || typeof wanted !== 'string' || methods.includes(wanted)) return []
  return [
    warns({
      mistake: 'authentication_not_listed',
      says: `The client registers with ${wanted}, which the authorization server does not list among its token_endpoint_auth_methods_supported.`,
      mend: `Support ${wanted}, or answer the registration with the method to use instead.`,
      evidence: evidenceOf(answer, methods),
    }),
  ]
}
