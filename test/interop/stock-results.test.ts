import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DocumentHost } from '../support/document-host.ts'
import { type Tokens, Toolgate } from '../support/toolgate.ts'
import { authorizationRequest } from '../support/visitor.ts'
import { documentHosts, publishing, SigningKeys } from './client-player.ts'
import { CLIENT_REQUESTS, RESOURCE, RESOURCE_WITH_SLASH } from './client-requests.ts'

/**
 * Requests of real clients that the protocol engine refuses, or answers with less than they need, when it is used
 * as it comes. Each test is named after the request and says what the answer is here.
 */
const CATALOGUE = `
resources:
  - resource: ${RESOURCE}
    name: Notes
    default_scopes: [notes:read]
    scopes:
      notes:read: { description: Read your notes, tools: [search_notes] }
      notes:write: { description: Change your notes, tools: [update_note] }
roles:
  editor: { ${RESOURCE}: ['notes:read', 'notes:write'] }
`
const LOOPBACK = 'http://127.0.0.1:33418/callback'
const DISCOVERY = ['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration']
const IDENTITIES = CLIENT_REQUESTS.map(({ identity }) => identity)

type Json = Record<string, unknown>

let toolgate: Toolgate
let host: DocumentHost
let person: ReturnType<Awaited<ReturnType<Toolgate['account']>>['person']>
let resource_server: { client_id: string; client_secret: string }
/** A native client that registered LOOPBACK and said nothing about its type. */
let client_id: string
beforeAll(async () => {
  host = await DocumentHost.start(documentHosts(IDENTITIES))
  host.answer = publishing(IDENTITIES, await SigningKeys.create())
  toolgate = await Toolgate.start({ catalogue: CATALOGUE, document_network: host.network })
  person = (await toolgate.account()).person()
  resource_server = await toolgate.resourceServer(RESOURCE)
  client_id = (await toolgate.register({ redirect_uris: [LOOPBACK] })).client_id
})
afterAll(async () => {
  await toolgate.close()
  await host.close()
})

async function register(metadata: Json, headers: Record<string, string> = {}) {
  const response = await toolgate.fetch('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ redirect_uris: [LOOPBACK], ...metadata }),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Json }
}

/** Whether an authorization request is led on to the pages, or with what status it stops. */
async function authorizes(id: string, redirect_uri: string, more: Record<string, string | undefined> = {}) {
  const { url } = authorizationRequest(toolgate.issuer, id, { redirect_uri, resource: RESOURCE, ...more })
  const { status, headers } = await toolgate.fetch(url.pathname + url.search)
  return headers.get('location')?.includes('/interaction/') ? 'goes on' : status
}

/** The whole way to tokens with just these parameters. */
async function tokensWith(parameters: Record<string, string | undefined>, more: Record<string, string> = {}) {
  const { url, code_verifier } = authorizationRequest(toolgate.issuer, client_id, {
    redirect_uri: LOOPBACK,
    resource: undefined,
    ...parameters,
  })
  const { callback } = await person.authorize(url, LOOPBACK)
  const code = callback.searchParams.get('code') ?? ''
  const answer = await toolgate.redeem(client_id, code, code_verifier, { redirect_uri: LOOPBACK, ...more })
  expect(answer.status).toBe(200)
  return (await answer.json()) as Tokens
}

const introspect = ({ access_token }: Tokens) => toolgate.introspect(resource_server, access_token)

describe('discovery', () => {
  it('GET path-inserted well-known: the documents of an issuer with a path are there', async () => {
    const issuer = 'https://sign-in.example/tenant'
    const env = { TOOLGATE_ISSUER: issuer, TOOLGATE_TRUSTED_PROXY_HOPS: '1' }
    const below = await Toolgate.start({ beside: toolgate, env })
    const headers = { host: 'sign-in.example', 'x-forwarded-proto': 'https' }
    for (const path of [...DISCOVERY.map((path) => `${path}/tenant`), `/tenant${DISCOVERY[1]}`]) {
      const answer = await below.fetch(path, { headers })
      expect([path, answer.status]).toEqual([path, 200])
      const document = (await answer.json()) as Json
      expect(document).toMatchObject({ issuer, token_endpoint: `${issuer}/token` })
    }
    await below.close()
  })

  it.each(DISCOVERY)('metadata defaults: %s says only what there is, and `none` first', async (path) => {
    const document = (await (await toolgate.fetch(path)).json()) as Record<string, string[]>
    expect(document).toMatchObject({
      grant_types_supported: ['authorization_code', 'refresh_token'],
      response_types_supported: ['code'],
    })
    expect(document.token_endpoint_auth_methods_supported?.[0]).toBe('none')
  })

  it.each(DISCOVERY)(
    'discovery scopes_supported: %s has the scopes a client should ask for',
    async (path) => {
      expect(await (await toolgate.fetch(path)).json()).toMatchObject({ scopes_supported: ['notes:read'] })
    },
  )
})

describe('dynamic registration', () => {
  it.each([
    ['DCR `scope:""`', { scope: '' }],
    ['DCR `scope` with scopes of a resource', { scope: 'notes:read notes:write offline_access' }],
    [
      'DCR grant types device_code and jwt-bearer',
      {
        grant_types: [
          'authorization_code',
          'urn:ietf:params:oauth:grant-type:device_code',
          'urn:ietf:params:oauth:grant-type:jwt-bearer',
        ],
      },
    ],
    ['DCR response type id_token', { response_types: ['code', 'id_token', 'none'] }],
    ['DCR `client_uri:null`, `logo_uri:""`', { client_uri: null, logo_uri: '', contacts: null }],
  ])('%s: registers, and the answer has no null', async (_, metadata) => {
    const { status, body } = await register(metadata)
    expect({ status, body }).toMatchObject({
      status: 201,
      body: { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] },
    })
    expect(Object.values(body).filter((value) => value === null || value === '')).toEqual([])
  })

  it.each([
    [['cursor://anysphere.cursor-mcp/oauth/callback']],
    [[LOOPBACK]],
    [['https://app.example/callback', LOOPBACK, 'cursor://anysphere.cursor-mcp/oauth/callback']],
  ])('DCR %j, no `application_type`: registers as native', async (redirect_uris) => {
    expect(await register({ redirect_uris })).toMatchObject({
      status: 201,
      body: { application_type: 'native', redirect_uris },
    })
  })

  it('DCR without auth method: a public client, without a secret', async () => {
    const { body } = await register({})
    expect(body.token_endpoint_auth_method).toBe('none')
    expect(body).not.toHaveProperty('client_secret')
  })

  it('OPTIONS and POST /register from a browser: any origin may', async () => {
    const origin = 'http://localhost:6274'
    const asked = await toolgate.fetch('/register', {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,mcp-protocol-version',
      },
    })
    expect(asked.ok).toBe(true)
    expect(asked.headers.get('access-control-allow-headers')).toContain('mcp-protocol-version')
    for (const metadata of [{}, { redirect_uris: [] }])
      expect((await register(metadata, { origin })).headers.get('access-control-allow-origin')).toBe('*')
  })
})

describe('/authorize', () => {
  it('`resource=https://rs/` for `https://rs`: the same resource, and that is the audience', async () => {
    const tokens = await tokensWith({ resource: RESOURCE_WITH_SLASH }, { resource: RESOURCE_WITH_SLASH })
    expect(await introspect(tokens)).toMatchObject({ active: true, aud: RESOURCE })
  })

  it.each([
    ['`scope="claudeai "`', { scope: 'claudeai ', resource: RESOURCE }],
    ['no scope', { resource: RESOURCE }],
    ['unknown scopes only', { scope: 'openid email profile', resource: RESOURCE }],
    ['no resource', { scope: 'notes:read' }],
    ['no scope and no resource', {}],
  ])('%s: the default scopes', async (_, parameters) => {
    const tokens = await tokensWith(parameters)
    expect(tokens.scope).toBe('notes:read')
    expect(await introspect(tokens)).toMatchObject({ active: true, aud: RESOURCE, scope: 'notes:read' })
  })

  it('unknown client: a 400 page at /authorize, 401 `invalid_client` at /token', async () => {
    expect(await authorizes('cl_gone', LOOPBACK)).toBe(400)
    const answer = await toolgate.refresh('cl_gone', 'x'.repeat(43))
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    })
  })

  it('native client, other port: goes on', async () => {
    expect(await authorizes(client_id, 'http://127.0.0.1:50000/callback')).toBe('goes on')
  })

  it.each(['http://localhost:33418/callback', 'http://[::1]:50000/callback'])(
    'native client, another name for the loopback host, %s: goes on',
    async (redirect_uri) => {
      expect(await authorizes(client_id, redirect_uri)).toBe('goes on')
    },
  )

  it('client that says `web` and has a loopback redirect, other port: goes on', async () => {
    const { body } = await register({ application_type: 'web', redirect_uris: ['http://localhost/callback'] })
    expect(await authorizes(String(body.client_id), 'http://localhost:50000/callback')).toBe('goes on')
  })

  it('client with a redirect on the web, other port: still a 400 page', async () => {
    const { body } = await register({ redirect_uris: ['https://app.example/callback'] })
    expect(await authorizes(String(body.client_id), 'https://app.example:8443/callback')).toBe(400)
  })

  it.each(
    CLIENT_REQUESTS.flatMap(({ client, identity, redirect_uri }) =>
      identity.by === 'document' ? [[client, identity.document_url, redirect_uri] as const] : [],
    ),
  )('CIMD %s: goes on', async (_, document_url, redirect_uri) => {
    expect(await authorizes(document_url, redirect_uri)).toBe('goes on')
  })

  it('CIMD fetch: says who asks, and one copy in the database serves all instances', async () => {
    const document_url = 'https://zed.dev/oauth/client-metadata.json'
    const asked = () => host.requests.filter(({ headers }) => headers.host === 'zed.dev')
    await authorizes(document_url, 'http://127.0.0.1:1/callback')
    const beside = await Toolgate.start({ beside: toolgate, document_network: host.network })
    const { url } = authorizationRequest(toolgate.issuer, document_url, {
      redirect_uri: 'http://127.0.0.1:2/callback',
      resource: RESOURCE,
    })
    expect((await beside.fetch(url.pathname + url.search)).status).toBe(303)
    await beside.close()
    expect(asked()).toHaveLength(1)
    expect(asked()[0]?.headers['user-agent']).toMatch(/^Toolgate/)
  })

  it('native clients: a person is asked every time, with the host the code goes to', async () => {
    for (let time = 0; time < 2; time++) {
      const { url } = authorizationRequest(toolgate.issuer, client_id, {
        redirect_uri: LOOPBACK,
        resource: RESOURCE,
      })
      const { consent } = await person.authorize(url, LOOPBACK)
      expect(consent).toContain(new URL(LOOPBACK).host)
    }
  })
})

describe('/token', () => {
  it.each(['https://app.example', 'http://localhost:6274', 'null'])(
    '/token with Origin %s: answered and readable',
    async (origin) => {
      const form = { grant_type: 'refresh_token', client_id, refresh_token: 'x'.repeat(43) }
      const answer = await toolgate.post('/token', form, { origin })
      expect(await answer.json()).toMatchObject({ error: 'invalid_grant' })
      expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    },
  )

  it('dead RT: 400 `invalid_grant`', async () => {
    const answer = await toolgate.refresh(client_id, 'x'.repeat(43))
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    })
  })

  it.each([
    ['no `offline_access` in scope', 'notes:read'],
    ['`offline_access` without `prompt=consent`', 'openid email offline_access profile'],
  ])('%s: a refresh token all the same', async (_, scope) => {
    const { refresh_token } = await tokensWith({ scope, resource: RESOURCE })
    expect(refresh_token).toMatch(/^.{43}$/)
    expect((await toolgate.refresh(client_id, refresh_token)).status).toBe(200)
  })

  it('`openid` + scope of a resource and no `resource` at /token: the grant’s resource', async () => {
    const tokens = await tokensWith({ scope: 'openid notes:read', resource: RESOURCE })
    expect(await introspect(tokens)).toMatchObject({ active: true, aud: RESOURCE, scope: 'notes:read' })
  })

  it('refresh `scope` beyond the RT’s scopes: what it has, and no less', async () => {
    const { refresh_token } = await tokensWith({ scope: 'notes:read', resource: RESOURCE })
    const answer = await toolgate.refresh(client_id, refresh_token, { scope: 'notes:read offline_access' })
    expect(await answer.json()).toMatchObject({ scope: 'notes:read', refresh_token: expect.any(String) })
  })

  it('refresh `resource` wrong: refused before anything is spent; with a slash it is right', async () => {
    const { refresh_token } = await tokensWith({ resource: RESOURCE })
    const wrong = await toolgate.refresh(client_id, refresh_token, { resource: 'https://other.example' })
    expect({ status: wrong.status, body: await wrong.json() }).toMatchObject({
      status: 400,
      body: { error: 'invalid_target' },
    })
    const right = await toolgate.refresh(client_id, refresh_token, { resource: RESOURCE_WITH_SLASH })
    expect(right.status).toBe(200)
  })

  it('two concurrent refreshes: both get the identical answer, which works', async () => {
    const { refresh_token } = await tokensWith({ resource: RESOURCE })
    const answers = await Promise.all([1, 2].map(() => toolgate.refresh(client_id, refresh_token)))
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    const [one, other] = (await Promise.all(answers.map((answer) => answer.json()))) as [Tokens, Tokens]
    expect([one.access_token, one.refresh_token]).toEqual([other.access_token, other.refresh_token])
    expect((await toolgate.refresh(client_id, one.refresh_token)).status).toBe(200)
  })
})

describe('introspection and revocation', () => {
  it('introspection without client auth: 401 `invalid_client`', async () => {
    const answer = await toolgate.post('/introspect', { token: 'x'.repeat(43) })
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    })
  })

  it('introspection and revocation of a JWT access token: not active; no such tokens are revoked here', async () => {
    const jwt = ['{"alg":"RS256"}', '{"sub":"somebody"}', 'signature']
      .map((part) => Buffer.from(part).toString('base64url'))
      .join('.')
    expect(await toolgate.introspect(resource_server, jwt)).toEqual({ active: false })
    // RFC 7009 §2.2.1: the server does not support the revocation of the presented token type.
    const revoked = await toolgate.post('/revoke', { token: jwt, client_id })
    expect({ status: revoked.status, body: await revoked.json() }).toMatchObject({
      status: 400,
      body: { error: 'unsupported_token_type' },
    })
  })

  it('opaque introspection response: one audience as a string, and all that resource servers read', async () => {
    const tokens = await tokensWith({ resource: RESOURCE })
    expect(await introspect(tokens)).toMatchObject({
      active: true,
      iss: toolgate.issuer,
      sub: expect.any(String),
      client_id,
      scope: 'notes:read',
      aud: RESOURCE,
      exp: expect.any(Number),
      iat: expect.any(Number),
      token_type: 'Bearer',
    })
  })
})
