import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Person } from '../examples/demo/person.ts'
import { REDIRECT_URI, RESOURCE, Toolgate } from './support/toolgate.ts'

/** For each standard in the README's table that no other test is about: the one guarantee people rely on. */
let toolgate: Toolgate
let person: Person
let client_id: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  person = (await toolgate.account()).person()
  client_id = (await toolgate.register()).client_id
})
afterAll(() => toolgate?.close())

/** The error with which an authorization request comes back to the client, or is shown to the person. */
async function refusal(parameters: Record<string, string>): Promise<string | null> {
  const code_challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
  const query = new URLSearchParams({
    response_type: 'code',
    client_id,
    redirect_uri: REDIRECT_URI,
    code_challenge,
    code_challenge_method: 'S256',
    state: 'the-state',
    resource: RESOURCE,
    ...parameters,
  })
  for (const [name, value] of Object.entries(parameters)) if (value === '') query.delete(name)
  const answer = await toolgate.fetch(`/authorize?${query}`)
  const location = new URL(answer.headers.get('location') ?? '/', toolgate.issuer)
  return location.searchParams.get('error')
}

describe('standards', () => {
  it('RFC 6749: a code is redeemed once; a second time ends what the first one got', async () => {
    const { code, code_verifier } = await toolgate.authorize(person, client_id)
    const first = await toolgate.redeem(client_id, code, code_verifier)
    const { access_token } = (await first.json()) as { access_token: string }
    const second = await toolgate.redeem(client_id, code, code_verifier)
    expect([first.status, second.status]).toEqual([200, 400])
    expect(await second.json()).toMatchObject({ error: 'invalid_grant' })
    const credentials = await toolgate.resourceServer()
    expect(await toolgate.introspect(credentials, access_token)).toEqual({ active: false })
  })

  it('RFC 7636: PKCE with S256 is required, and the verifier must fit', async () => {
    expect(await refusal({ code_challenge: '', code_challenge_method: '' })).toBe('invalid_request')
    expect(await refusal({ code_challenge_method: 'plain' })).toBe('invalid_request')
    const { code } = await toolgate.authorize(person, client_id)
    const answer = await toolgate.redeem(client_id, code, 'x'.repeat(43))
    expect(await answer.json()).toMatchObject({ error: 'invalid_grant' })
  })

  it('RFC 7009: a revoked refresh token takes its access tokens with it', async () => {
    const credentials = await toolgate.resourceServer()
    const { access_token, refresh_token } = await toolgate.tokens(person, client_id)
    const answer = await toolgate.post('/revoke', { token: refresh_token, client_id })
    expect(answer.status).toBe(200)
    expect(await toolgate.introspect(credentials, access_token)).toEqual({ active: false })
  })

  it('RFC 7591: registration answers 201 with what was registered, and refuses a redirect to anywhere', async () => {
    const made = await toolgate.register({ client_name: 'Reg', scope: 'everything', unknown: null })
    expect(made).toMatchObject({ client_name: 'Reg', token_endpoint_auth_method: 'none' })
    await expect(toolgate.register({ redirect_uris: ['http://evil.example/'] })).rejects.toThrow(
      'invalid_redirect_uri',
    )
  })

  it('RFC 8252: a native app may come back on any loopback port', async () => {
    const { callback } = await toolgate.authorize(person, client_id, {
      redirect_uri: 'http://127.0.0.1:50505/callback',
    })
    expect(callback.port).toBe('50505')
  })

  it('RFC 8414: the metadata names this issuer and every endpoint, at both addresses', async () => {
    const [oauth, openid] = await Promise.all(
      ['oauth-authorization-server', 'openid-configuration'].map(async (name) =>
        (await toolgate.fetch(`/.well-known/${name}`)).json(),
      ),
    )
    const { issuer } = toolgate
    expect(oauth).toMatchObject({
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      registration_endpoint: `${issuer}/register`,
      revocation_endpoint: `${issuer}/revoke`,
      introspection_endpoint: `${issuer}/introspect`,
      code_challenge_methods_supported: ['S256'],
    })
    expect(openid).toMatchObject({ issuer, token_endpoint: `${issuer}/token` })
  })

  it('RFC 8707: a resource that is not in the catalogue is invalid_target', async () => {
    expect(await refusal({ resource: 'https://elsewhere.example/mcp' })).toBe('invalid_target')
  })

  it('RFC 9207: the answer of an authorization names the issuer', async () => {
    const { callback } = await toolgate.authorize(person, client_id)
    expect(callback.searchParams.get('iss')).toBe(toolgate.issuer)
  })

  it('client ID metadata documents are announced, so that clients need not register', async () => {
    const metadata = await (await toolgate.fetch('/.well-known/oauth-authorization-server')).json()
    expect(metadata).toMatchObject({ client_id_metadata_document_supported: true })
  })
})
