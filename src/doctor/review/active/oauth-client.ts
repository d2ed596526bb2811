import { randomBytes } from 'node:crypto'
import { sha256 } from '../../../base/digest.ts'
import { type Exchange, exchange } from '../../probe/exchange.ts'
import type { Asking } from '../asking.ts'

/** The review as an OAuth client: a public one, as MCP clients are. Whatever it is given, it hides. */
export type OAuthClient = {
  client_id: string
  client_secret: string | undefined
  redirect_uri: string
}

export type Endpoints = {
  issuer: string
  authorize: string
  token: string
  register: string | undefined
  revoke: string | undefined
}

export type Tokens = { access_token: string; refresh_token: string | undefined }

const ENDPOINT = (document: Record<string, unknown>, name: string) => {
  const url = document[name]
  return typeof url === 'string' && /^https?:/.test(url) && URL.canParse(url) ? url : undefined
}

/** Undefined when the metadata does not name what a code flow needs. */
export function endpointsOf(issuer: string, document: Record<string, unknown>): Endpoints | undefined {
  const authorize = ENDPOINT(document, 'authorization_endpoint')
  const token = ENDPOINT(document, 'token_endpoint')
  if (!authorize || !token) return undefined
  const register = ENDPOINT(document, 'registration_endpoint')
  return { issuer, authorize, token, register, revoke: ENDPOINT(document, 'revocation_endpoint') }
}

/** RFC 7591. Undefined when the server did not register it. */
export async function registerClient(
  { options, hidden }: Asking,
  endpoint: string,
  redirect_uri: string,
): Promise<OAuthClient | undefined> {
  const metadata = {
    client_name: 'Toolgate review',
    redirect_uris: [redirect_uri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  }
  const answer = await exchange(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(metadata),
    ...(options.timeout_ms && { timeout_ms: options.timeout_ms }),
  })
  const { client_id, client_secret } = jsonOf(answer)
  if (typeof client_id !== 'string') return undefined
  if (typeof client_secret !== 'string') return { client_id, client_secret: undefined, redirect_uri }
  hidden.add(client_secret)
  return { client_id, client_secret, redirect_uri }
}

export type Authorization = { url: string; code_verifier: string; state: string }

/** The address at which the person decides; `without` leaves a parameter out. */
export function authorizationUrl(
  { authorize }: Endpoints,
  client: OAuthClient,
  parameters: { resource: string; scope: string | undefined },
  { without, ...changed }: Record<string, string> = {},
): Authorization {
  const code_verifier = randomBytes(32).toString('base64url')
  const state = randomBytes(16).toString('base64url')
  const url = new URL(authorize)
  const sent: Record<string, string | undefined> = {
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: client.redirect_uri,
    code_challenge: sha256(code_verifier).toString('base64url'),
    code_challenge_method: 'S256',
    state,
    ...parameters,
    ...changed,
  }
  for (const [name, value] of Object.entries(sent))
    if (value !== undefined && !(without !== undefined && name.startsWith(without)))
      url.searchParams.set(name, value)
  return { url: url.href, code_verifier, state }
}

/** A form to the token or revocation endpoint, as this client. */
export function postForm(
  { options }: Asking,
  endpoint: string,
  { client_id, client_secret }: OAuthClient,
  form: Record<string, string>,
): Promise<Exchange> {
  const secret = client_secret === undefined ? {} : { client_secret }
  const body = new URLSearchParams({ ...form, client_id, ...secret })
  return exchange(endpoint, {
    method: 'POST',
    body,
    ...(options.timeout_ms && { timeout_ms: options.timeout_ms }),
  })
}

/** What the token endpoint issued; undefined for whatever is no such answer. */
export function tokensOf({ hidden }: Asking, answer: Exchange): Tokens | undefined {
  const { access_token, refresh_token } = jsonOf(answer)
  if (typeof access_token !== 'string' || access_token === '') return undefined
  const next = typeof refresh_token === 'string' && refresh_token !== '' ? refresh_token : undefined
  for (const token of [access_token, next]) if (token !== undefined) hidden.add(token)
  return { access_token, refresh_token: next }
}

function jsonOf(answer: Exchange): Record<string, unknown> {
  if (answer.outcome === 'failed' || answer.status >= 300) return {}
  return typeof answer.json === 'object' && answer.json !== null
    ? (answer.json as Record<string, unknown>)
    : {}
}
