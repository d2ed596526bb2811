import { randomBytes } from 'node:crypto'
import { sha256 } from '../base/digest.ts'
import type { ClientProfile } from './client-profile.ts'
import type { Journey } from './journey.ts'
import { failureOf, serverFaultOf } from './mistakes.ts'
import { plainText } from './plain-text.ts'
import { type Exchange, exchange } from './probe/exchange.ts'
import { evidenceOf, type Finding, fails, type Trial } from './problem.ts'
import { scopeOf } from './steps/authorize.ts'
import { registersByDocument } from './steps/registration.ts'
import { documentOf, webUrl } from './walk.ts'

const REGISTRATION = 'The registration'
const SIGN_IN_PAGE = 'The sign-in page'

/** Undefined when discovery did not lead this client to a server where it could try. */
export async function tryAsClient(journey: Journey): Promise<Trial | undefined> {
  const { profile, server_metadata: document } = journey
  if (!document) return undefined
  if (registersByDocument(journey) && profile.document_url)
    return { registration: [], authorize: await askForPage(journey, profile.document_url) }
  const endpoint = webUrl(document.registration_endpoint)
  if (!endpoint || !profile.registration) return undefined
  const answer = await exchange(endpoint.href, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(profile.registration),
  })
  const given = answer.outcome === 'answered' ? documentOf(answer.json) : undefined
  const registration = registrationFindings(answer, profile)
  const client_id = given?.client_id
  if (registration.length > 0 || typeof client_id !== 'string') return { registration, authorize: [] }
  const authorize = await askForPage(journey, client_id)
  const is_gone = await takeBack(endpoint, given ?? {})
  return {
    registration,
    authorize,
    ...(is_gone ? {} : { left_behind: { client: profile.name, client_id: plainText(client_id) } }),
  }
}

function registrationFindings(answer: Exchange, profile: ClientProfile): Finding[] {
  const broken = failureOf(answer, REGISTRATION) ?? serverFaultOf(answer, REGISTRATION)
  if (broken || answer.outcome === 'failed') return broken ? [fails(broken)] : []
  const given = documentOf(answer.json)
  if (answer.status !== 201 && answer.status !== 200)
    return [
      fails({
        mistake: 'registration_refused',
        says: `${REGISTRATION} is refused with status ${answer.status}.`,
        mend: 'Accept what the client sends and leave out what is not supported, or register it beforehand.',
        evidence: evidenceOf(answer, given?.error_description ?? given?.error ?? answer.text.slice(0, 120)),
      }),
    ]
  const nulls = Object.keys(given ?? {}).filter((name) => given?.[name] === null)
  const problem =
    typeof given?.client_id !== 'string'
      ? {
          mistake: 'registration_without_client_id',
          says: `${REGISTRATION} is answered without a client_id.`,
        }
      : nulls.length > 0
        ? {
            mistake: 'registration_with_null',
            says: `${REGISTRATION} is answered with members that are null, at which clients stop.`,
          }
        : keepsRedirects(given.redirect_uris, profile)
          ? undefined
          : {
              mistake: 'redirect_not_registered',
              says: `${REGISTRATION} is answered without the redirect address that the client uses.`,
            }
  const seen = nulls.length > 0 ? nulls : given?.redirect_uris
  const mend = 'Answer with what was registered (RFC 7591 §3.2.1), without members that have no value.'
  return problem ? [fails({ ...problem, mend, evidence: evidenceOf(answer, seen) })] : []
}

function keepsRedirects(answered: unknown, { registration }: ClientProfile): boolean {
  const sent = registration?.redirect_uris
  if (!Array.isArray(answered) || !Array.isArray(sent)) return true
  return sent.every((uri) => answered.includes(uri))
}

async function askForPage(journey: Journey, client_id: string): Promise<Finding[]> {
  const { profile, server_metadata, resource_metadata } = journey
  const scope = scopeOf(journey)
  const endpoint = webUrl(server_metadata?.authorization_endpoint)
  if (!endpoint) return []
  const resource = resource_metadata?.resource
  const code_challenge = sha256(randomBytes(32)).toString('base64url')
  const parameters = {
    response_type: 'code',
    client_id,
    redirect_uri: profile.redirect_uri,
    state: randomBytes(16).toString('base64url'),
    code_challenge,
    code_challenge_method: 'S256',
    ...(typeof resource === 'string' ? { resource } : {}),
    ...(scope === undefined ? {} : { scope }),
  }
  for (const [name, value] of Object.entries(parameters)) endpoint.searchParams.set(name, value)
  return pageFindings(await exchange(endpoint.href, { headers: { accept: 'text/html' } }), profile)
}

function pageFindings(answer: Exchange, { redirect_uri }: ClientProfile): Finding[] {
  const broken = failureOf(answer, SIGN_IN_PAGE) ?? serverFaultOf(answer, SIGN_IN_PAGE)
  if (broken || answer.outcome === 'failed') return broken ? [fails(broken)] : []
  const target = URL.parse(answer.headers.get('location') ?? '', answer.url)
  const error = target?.href.startsWith(redirect_uri) ? target.searchParams.get('error') : null
  if (answer.status < 400 && error === null) return []
  return [
    fails({
      mistake: 'authorization_refused',
      says: `${SIGN_IN_PAGE} refuses what this client asks: ${error === null ? `status ${answer.status}` : plainText(error)}.`,
      mend: 'See what the page says; most often the redirect address, the scope or the resource is not accepted.',
      evidence: evidenceOf(answer, target?.searchParams.get('error_description') ?? textOf(answer.text)),
    }),
  ]
}

function textOf(html: string): string {
  return html
    .replace(/<(style|script)[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 160)
}

/** RFC 7592 §2.3, where the server offers it. */
async function takeBack(endpoint: URL, given: Readonly<Record<string, unknown>>): Promise<boolean> {
  const { registration_access_token: token } = given
  const where = webUrl(given.registration_client_uri)
  // The token goes nowhere but to the server that gave it.
  if (typeof token !== 'string' || where?.origin !== endpoint.origin || /[^\x21-\x7e]/.test(token))
    return false
  const gone = await exchange(where.href, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } })
  return gone.outcome === 'answered' && gone.status < 300
}
