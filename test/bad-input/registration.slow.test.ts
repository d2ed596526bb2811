import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Toolgate } from '../support/toolgate.ts'

let toolgate: Toolgate
beforeAll(async () => {
  toolgate = await Toolgate.start({ env: { TOOLGATE_REGISTRATION_NEW_CLIENTS_PER_HOUR: '10000' } })
})
afterAll(() => toolgate.close())

async function register(metadata: Record<string, unknown>) {
  const response = await toolgate.fetch('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(metadata),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const GOOD = 'https://app.example/callback'

describe('redirect URIs', () => {
  it.each([
    'javascript:alert(1)',
    'JavaScript://%0aalert(1)',
    'java\tscript:alert(1)',
    ' javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'file:///etc/passwd',
    'blob:https://app.example/x',
    'vbscript:x',
    'about:blank',
    'view-source:https://app.example',
    'filesystem:https://app.example/x',
    'mailto:a@app.example',
    'intent://x#Intent;end',
    'ws://localhost/callback',
    'http://app.example/callback',
    'http://127.0.0.1.evil.example/callback',
    'http://localhost.evil.example/callback',
    'http://localhost@evil.example/callback',
    'https://user:secret@app.example/callback',
    'https://app.example/callback#fragment',
    'https://app.example/callback#',
    'https://*.app.example/callback',
    'https://app.example\\@evil.example/',
    'https://app.example/call back',
    'https://app.example/\u0000',
    'https://app.example/\ud800',
    'https://app.example/\r\nSet-Cookie: a=b',
    '//app.example/callback',
    '/callback',
    'callback',
    '',
    `https://app.example/${'x'.repeat(2_100)}`,
    null,
    7,
    {},
    ['https://app.example/callback'],
  ])('%j is refused', async (uri) => {
    const { status, body } = await register({ redirect_uris: [GOOD, uri] })
    expect(status).toBe(400)
    expect(body).toMatchObject({
      error: expect.stringMatching(/^invalid_(redirect_uri|request)$/),
      error_description: expect.stringMatching(/./),
    })
  })

  it.each([
    ['none', []],
    ['no list', GOOD],
    ['a map', { 0: GOOD }],
    ['missing', undefined],
    ['eleven', Array.from({ length: 11 }, (_, index) => `${GOOD}/${index}`)],
  ])('%s is refused', async (_, redirect_uris) => {
    expect(await register({ redirect_uris })).toMatchObject({
      status: 400,
      body: { error: 'invalid_redirect_uri' },
    })
  })

  it.each([
    [GOOD, 'web'],
    ['http://localhost/callback', 'native'],
    ['http://127.0.0.1:33418/callback', 'native'],
    ['http://[::1]:1234/callback', 'native'],
    ['cursor://anysphere.cursor-mcp/oauth/callback', 'native'],
    ['com.example.app:/callback', 'native'],
  ])('%s is taken, as of a %s client', async (uri, application_type) => {
    const { status, body } = await register({ redirect_uris: [uri] })
    expect({ status, application_type: body.application_type, uris: body.redirect_uris }).toEqual({
      status: 201,
      application_type,
      uris: [uri],
    })
  })

  it('the application type follows the redirect URIs, whatever the client says', async () => {
    const said = await register({ redirect_uris: ['http://localhost/x'], application_type: 'web' })
    expect(said).toMatchObject({ status: 201, body: { application_type: 'native' } })
  })
})

/** Every member that registrations carry, and some that they should not. */
const MEMBERS = [
  'client_name',
  'client_uri',
  'logo_uri',
  'tos_uri',
  'policy_uri',
  'contacts',
  'token_endpoint_auth_method',
  'token_endpoint_auth_signing_alg',
  'jwks',
  'jwks_uri',
  'grant_types',
  'response_types',
  'application_type',
  'software_id',
  'software_version',
  'software_statement',
  'scope',
  'client_id',
  'client_secret',
  'sector_identifier_uri',
  'subject_type',
  'id_token_signed_response_alg',
  'default_max_age',
  'require_auth_time',
  'initiate_login_uri',
  'backchannel_logout_uri',
  'post_logout_redirect_uris',
  'default_resource_indicators',
]

describe('members', () => {
  it('null and empty ones are as if they were not there, and the answer has neither', async () => {
    const bare = await register({ redirect_uris: [GOOD] })
    for (const nothing of [null, '']) {
      const nulls = Object.fromEntries(MEMBERS.map((name) => [name, nothing]))
      const { status, body } = await register({ ...nulls, redirect_uris: [GOOD] })
      expect(status).toBe(201)
      expect(Object.keys(body).sort()).toEqual(Object.keys(bare.body).sort())
      expect(Object.values(body)).not.toContain(null)
      expect(Object.values(body)).not.toContain('')
    }
  })

  it.each(MEMBERS)('%s of any JSON type never breaks the server, and no answer has a null', async (name) => {
    for (const value of [
      0,
      -1,
      1e308,
      true,
      false,
      'x',
      [],
      [null],
      ['x', 1],
      {},
      { a: null },
      { keys: [null] },
    ]) {
      const { status, body } = await register({ redirect_uris: [GOOD], [name]: value })
      expect([201, 400], JSON.stringify({ [name]: value, body })).toContain(status)
      expect(JSON.stringify(body)).not.toMatch(/:null[,}]/)
    }
  })

  it('a client cannot choose its id, its secret or more rights than others have', async () => {
    const chosen = {
      client_id: 'admin',
      client_secret: 'mine',
      grant_types: ['password', 'client_credentials'],
    }
    const { status, body } = await register({
      redirect_uris: [GOOD],
      ...chosen,
      token_endpoint_auth_method: 'client_secret_basic',
      response_types: ['token'],
    })
    expect(status).toBe(201)
    expect(body).toMatchObject({
      client_id: expect.stringMatching(/^cl_[\w-]{22}$/),
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    })
  })

  it.each(['client_secret_jwt', 'tls_client_auth', 'attest_jwt_client_auth', 'nothing', '__proto__'])(
    'the authentication method %s is refused by name',
    async (token_endpoint_auth_method) => {
      expect(await register({ redirect_uris: [GOOD], token_endpoint_auth_method })).toMatchObject({
        status: 400,
        body: { error: 'invalid_client_metadata', error_description: expect.stringContaining('auth_method') },
      })
    },
  )

  it.each([
    ['no keys', {}],
    ['empty keys', { keys: [] }],
    ['a symmetric key', { keys: [{ kty: 'oct', k: 'AAAA' }] }],
    ['a private key', { keys: [{ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', d: 'AA' }] }],
    ['numbers', { keys: [{ kty: 'RSA', n: 5, e: [] }] }],
    ['an unknown type', { keys: [{ kty: '__proto__' }] }],
  ])('jwks with %s is refused or taken, never a fault of ours', async (_, jwks) => {
    const { status } = await register({
      redirect_uris: [GOOD],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks,
    })
    expect([201, 400]).toContain(status)
  })

  it('a name that turns text around is refused, and one with controls loses them', async () => {
    const turned = await register({ redirect_uris: [GOOD], client_name: '\u202eknaB' })
    expect([turned.status, turned.body.error]).toEqual([400, 'invalid_client_metadata'])
    const { body } = await register({ redirect_uris: [GOOD], client_name: 'Ｂank\u0007 \n of X' })
    expect(body.client_name).toBe('Bank of X')
  })
})
