import { createHash, randomBytes } from 'node:crypto'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import type { Person } from '../../examples/demo/person.ts'
import { addClient } from '../../src/clients/clients.ts'
import type { Identity } from '../../src/doctor/clients/client-facts.ts'
import type { Answer } from '../support/document-host.ts'
import { TEST } from '../support/origins.ts'
import type { Tokens, Toolgate } from '../support/toolgate.ts'
import type { ClientRequests, Parameters } from './client-requests.ts'

/** Plays the requests of a client against a Toolgate, with the client's own credentials. */
export type Credentials = { client_id: string; client_secret?: string }

export type Callback = { code: string; code_verifier: string; state: string; callback: URL; consent: string }

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** The keys of all clients that sign, as their `jwks_uri` publishes them. */
export class SigningKeys {
  readonly jwk: JWK
  readonly #key: CryptoKey

  private constructor(jwk: JWK, key: CryptoKey) {
    this.jwk = jwk
    this.#key = key
  }

  static async create(): Promise<SigningKeys> {
    const { privateKey, publicKey } = await generateKeyPair('RS256')
    return new SigningKeys({ ...(await exportJWK(publicKey)), kid: 'key-1', alg: 'RS256' }, privateKey)
  }

  assertion(client_id: string, audience: string): Promise<string> {
    return new SignJWT({})
      .setProtectedHeader({ alg: 'RS256', kid: 'key-1' })
      .setIssuer(client_id)
      .setSubject(client_id)
      .setAudience(audience)
      .setJti(randomBytes(16).toString('hex'))
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(this.#key)
  }
}

/** Answers with the documents of all rows, each at its URL, and with the keys at every `jwks_uri`. */
export function publishing(identities: readonly Identity[], keys: SigningKeys): Answer {
  const published = new Map<string, unknown>()
  for (const identity of identities) {
    if (identity.by !== 'document') continue
    const { document_url, metadata } = identity
    published.set(document_url, { client_id: document_url, ...metadata })
    if (typeof metadata.jwks_uri === 'string') published.set(metadata.jwks_uri, { keys: [keys.jwk] })
  }
  return ({ headers, url }, response) => {
    const found = published.get(`https://${headers.host}${url}`)
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(found ?? {}))
  }
}

/** The hosts that the documents of these rows are on. */
export function documentHosts(identities: readonly Identity[]): string[] {
  const urls = identities.flatMap((each) => (each.by === 'document' ? [each.document_url] : []))
  return [...new Set(urls.map((url) => new URL(url).hostname))]
}

type Played = Pick<ClientRequests, 'identity' | 'registration' | 'authenticates' | 'origin'>

export class ClientPlayer {
  readonly #toolgate: Toolgate
  readonly #keys: SigningKeys
  readonly #client: Played
  credentials: Credentials = { client_id: '' }

  constructor(toolgate: Toolgate, keys: SigningKeys, client: Played) {
    this.#toolgate = toolgate
    this.#keys = keys
    this.#client = client
  }

  /** Headers that go with everything it sends by itself. */
  get #headers(): Record<string, string> {
    const { origin } = this.#client
    return { 'mcp-protocol-version': '2025-11-25', ...(origin ? { origin } : {}) }
  }

  discover(): Promise<Response> {
    return this.#toolgate.fetch('/.well-known/oauth-authorization-server', { headers: this.#headers })
  }

  /** Becomes a client; gives the answer to its registration where it registers. */
  async becomeKnown(): Promise<Response | undefined> {
    const { identity, registration } = this.#client
    if (identity.by === 'document') this.credentials = { client_id: identity.document_url }
    else if (identity.by === 'operator') {
      const redirect_uris = [...identity.metadata.redirect_uris]
      const confidential = identity.is_confidential
      const request = { name: 'Known ahead', redirect_uris, confidential }
      this.credentials = await addClient(this.#toolgate.dependencies, request, TEST)
    } else {
      const response = await this.#toolgate.fetch('/register', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...this.#headers },
        body: JSON.stringify(registration),
      })
      this.credentials = (await response.clone().json()) as Credentials
      return response
    }
    return undefined
  }

  authorizationRequest(redirect_uri: string, parameters: Parameters, client_id = this.credentials.client_id) {
    const code_verifier = randomBytes(32).toString('base64url')
    const state = randomBytes(16).toString('hex')
    const url = new URL('/authorize', this.#toolgate.issuer)
    url.search = new URLSearchParams({
      response_type: 'code',
      client_id,
      redirect_uri,
      state,
      code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...parameters,
    }).toString()
    return { url, state, code_verifier }
  }

  async authorize(person: Person, redirect_uri: string, parameters: Parameters): Promise<Callback> {
    const { url, ...kept } = this.authorizationRequest(redirect_uri, parameters)
    const { callback, consent } = await person.authorize(url, redirect_uri)
    return { ...kept, callback, consent, code: callback.searchParams.get('code') ?? '' }
  }

  /** A request to an endpoint that clients authenticate at, proved as the row says. */
  async #post(path: string, form: Parameters): Promise<Response> {
    const { client_id, client_secret = '' } = this.credentials
    const { authenticates } = this.#client
    if (authenticates === 'basic' || authenticates === 'basic without form-encoding') {
      const pair = [client_id, client_secret]
      const sent = authenticates === 'basic' ? pair.map(encodeURIComponent) : pair
      const authorization = `Basic ${Buffer.from(sent.join(':')).toString('base64')}`
      return this.#toolgate.post(path, form, { ...this.#headers, authorization })
    }
    const proof: Record<string, string> = { client_id }
    if (authenticates === 'post') proof.client_secret = client_secret
    if (authenticates === 'private_key_jwt') {
      proof.client_assertion_type = ASSERTION_TYPE
      proof.client_assertion = await this.#keys.assertion(client_id, this.#toolgate.issuer)
    }
    return this.#toolgate.post(path, { ...form, ...proof }, this.#headers)
  }

  redeem({ code, code_verifier }: Callback, redirect_uri: string, more: Parameters): Promise<Response> {
    return this.#post('/token', {
      grant_type: 'authorization_code',
      code,
      code_verifier,
      redirect_uri,
      ...more,
    })
  }

  refresh({ refresh_token }: Pick<Tokens, 'refresh_token'>, more: Parameters): Promise<Response> {
    return this.#post('/token', { grant_type: 'refresh_token', refresh_token, ...more })
  }

  revoke({ refresh_token }: Pick<Tokens, 'refresh_token'>): Promise<Response> {
    return this.#post('/revoke', { token: refresh_token, token_type_hint: 'refresh_token' })
  }

  /** What its browser asks before it lets the page send such a request. */
  preflight(path: string, method: string): Promise<Response> {
    const headers = {
      origin: this.#client.origin ?? '',
      'access-control-request-method': method,
      'access-control-request-headers': 'content-type,mcp-protocol-version',
    }
    return this.#toolgate.fetch(path, { method: 'OPTIONS', headers })
  }
}
