import { randomBytes } from 'node:crypto'
import { sha256 } from '../../base/digest.ts'
import type { Exchange, Send } from '../crawl/exchange.ts'
import type { McpProber } from '../crawl/mcp-prober.ts'
import { type JsonObject, successOf, webUrl } from '../crawl/response.ts'

/** What an active probe does as an OAuth client: a public one, as MCP clients are. */
export type OAuthClient = { client_id: string; client_secret?: string; redirect_uri: string }

export type Endpoints = {
  issuer: string
  authorize: string
  token: string
  register: string | undefined
  revoke: string | undefined
}

export type Tokens = { access_token: string; refresh_token: string | undefined }

/** Undefined when the metadata does not name what a code flow needs. */
export function endpointsOf(issuer: string, document: JsonObject): Endpoints | undefined {
  const [authorize, token, register, revoke] = ['authorization', 'token', 'registration', 'revocation'].map(
    (name) => webUrl(document[`${name}_endpoint`])?.href,
  )
  return authorize && token ? { issuer, authorize, token, register, revoke } : undefined
}

/** RFC 7591. */
export function postRegistration(send: Send, endpoint: string, metadata: object): Promise<Exchange> {
  const headers = { 'content-type': 'application/json' }
  return send(endpoint, { method: 'POST', headers, body: JSON.stringify(metadata) })
}

export type Authorization = { url: string; code_verifier: string; state: string }

/** The address at which the person decides; `without` leaves a parameter out. */
export function authorizationRequest(
  endpoint: string,
  { client_id, redirect_uri }: OAuthClient,
  parameters: { resource: string | undefined; scope: string | undefined },
  { without, ...changed }: Record<string, string> = {},
): Authorization {
  const code_verifier = randomBytes(32).toString('base64url')
  const state = randomBytes(16).toString('base64url')
  const url = new URL(endpoint)
  const sent: Record<string, string | undefined> = {
    response_type: 'code',
    client_id,
    redirect_uri,
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

/** The sign-in page as a browser asks for it. */
export function openPage(send: Send, url: string): Promise<Exchange> {
  return send(url, { headers: { accept: 'text/html' } })
}

/** What the token endpoint issued; undefined for whatever is no such response. They are not shown from now on. */
export function tokensOf({ hidden }: McpProber, response: Exchange): Tokens | undefined {
  const { access_token, refresh_token } = successOf(response)
  if (typeof access_token !== 'string' || access_token === '') return undefined
  const next = typeof refresh_token === 'string' && refresh_token !== '' ? refresh_token : undefined
  for (const token of [access_token, next]) if (token !== undefined) hidden.add(token)
  return { access_token, refresh_token: next }
}
