import { displayText } from '../crawl/display-text.ts'
import { type Exchange, type Send, sendFrom } from '../crawl/exchange.ts'
import { headerOf, type JsonObject, jsonObject, webUrl } from '../crawl/response.ts'
import { evidenceOf, type Finding } from '../finding.ts'
import { finding } from '../steps/client-findings.ts'
import type { ClientState, RegistrationProbe } from '../steps/client-state.ts'
import { registersByDocument, scopeOf } from '../steps/endpoints.ts'
import { serverFault } from '../steps/faults.ts'
import { authorizationRequest, openPage, postRegistration } from './oauth-client.ts'

/** The active probe of the doctor. Undefined when discovery did not lead this client to a server where it could try. */
export async function probeRegistration(state: ClientState): Promise<RegistrationProbe | undefined> {
  const { profile, crawl, server_metadata: document } = state
  if (!document) return undefined
  const send = sendFrom(crawl.url)
  if (registersByDocument(state) && profile.document_url)
    return { authorization: await openSignIn(send, state, profile.document_url) }
  const endpoint = webUrl(document.registration_endpoint)
  if (!endpoint || !profile.registration) return undefined
  const response = await postRegistration(send, endpoint.href, profile.registration)
  const given = (response.outcome === 'answered' && jsonObject(response.json)) || {}
  const { client_id } = given
  const registration = registrationFault(response, given, profile.registration.redirect_uris)
  if (registration || typeof client_id !== 'string') return { registration }
  const authorization = await openSignIn(send, state, client_id)
  if (await takeBack(send, endpoint, given)) return { authorization }
  return { authorization, left_behind: { client: profile.name, client_id: displayText(client_id) } }
}

function registrationFault(response: Exchange, given: JsonObject, sent: unknown): Finding | undefined {
  const fault = serverFault(response, 'The registration')
  if (fault || response.outcome === 'failed') return fault
  const { status, text } = response
  const { error_description, error = text.slice(0, 120), client_id, redirect_uris } = given
  if (status !== 201 && status !== 200)
    return finding('registration_refused', evidenceOf(response, error_description ?? error), { status })
  const nulls = Object.keys(given).filter((name) => given[name] === null)
  if (typeof client_id !== 'string') return finding('registration_without_client_id', evidenceOf(response))
  if (nulls.length > 0) return finding('registration_with_null', evidenceOf(response, nulls))
  const is_kept =
    !Array.isArray(redirect_uris) || !Array.isArray(sent) || sent.every((uri) => redirect_uris.includes(uri))
  return is_kept ? undefined : finding('redirect_not_registered', evidenceOf(response, redirect_uris))
}

async function openSignIn(send: Send, state: ClientState, client_id: string): Promise<Finding | undefined> {
  const endpoint = webUrl(state.server_metadata?.authorization_endpoint)
  if (!endpoint) return undefined
  const { redirect_uri } = state.profile
  const named = state.resource_metadata?.resource
  const parameters = { resource: typeof named === 'string' ? named : undefined, scope: scopeOf(state) }
  const request = authorizationRequest(endpoint.href, { client_id, redirect_uri }, parameters)
  const response = await openPage(send, request.url)
  const fault = serverFault(response, 'The sign-in page')
  if (fault || response.outcome === 'failed') return fault
  const target = URL.parse(headerOf(response, 'location') ?? '', response.url)
  const error = target?.href.startsWith(redirect_uri) ? target.searchParams.get('error') : null
  if (response.status < 400 && error === null) return undefined
  const seen = target?.searchParams.get('error_description') ?? textOf(response.text)
  return finding('authorization_refused', evidenceOf(response, seen), {
    error: error ?? `status ${response.status}`,
  })
}

function textOf(html: string): string {
  return html
    .slice(0, 10_000)
    .replace(/<(style|script)[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<[^<>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 160)
}

/** RFC 7592 §2.3, where the server offers it. */
async function takeBack(send: Send, endpoint: URL, given: JsonObject): Promise<boolean> {
  const { registration_access_token: token } = given
  const url = webUrl(given.registration_client_uri)
  // The token goes nowhere but to the server that gave it.
  if (typeof token !== 'string' || url?.origin !== endpoint.origin || /[^\x21-\x7e]/.test(token)) return false
  const gone = await send(url.href, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })
  return gone.outcome === 'answered' && gone.status < 300
}
