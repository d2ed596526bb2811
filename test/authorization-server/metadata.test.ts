import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { publishedMetadata } from '../../src/authorization-server/metadata.ts'
import { Toolgate } from '../support/toolgate.ts'

const OAUTH = '/.well-known/oauth-authorization-server'
const OPENID = '/.well-known/openid-configuration'

let toolgate: Toolgate
let documents: Record<string, unknown>[]
beforeAll(async () => {
  toolgate = await Toolgate.start()
  const answers = await Promise.all([OAUTH, OPENID].map((path) => toolgate.fetch(path)))
  documents = (await Promise.all(answers.map((answer) => answer.json()))) as Record<string, unknown>[]
})
afterAll(() => toolgate.close())

describe.each([0, 1])('the discovery document %i', (index) => {
  it('has the issuer byte for byte, and every address is below it', () => {
    const document = documents[index]!
    expect(document.issuer).toBe(toolgate.issuer)
    for (const [name, value] of Object.entries(document))
      if (/_(endpoint|uri)$/.test(name))
        expect([name, String(value)]).toEqual([name, expect.stringMatching(`^${toolgate.issuer}/`)])
  })

  it('says what MCP clients look for', () => {
    expect(documents[index]).toMatchObject({
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
      registration_endpoint: `${toolgate.issuer}/register`,
      revocation_endpoint: `${toolgate.issuer}/revoke`,
      introspection_endpoint: `${toolgate.issuer}/introspect`,
      introspection_endpoint_auth_methods_supported: [
        'client_secret_basic',
        'client_secret_post',
        'private_key_jwt',
      ],
      introspection_endpoint_auth_signing_alg_values_supported: [
        'ES256',
        'EdDSA',
        'Ed25519',
        'RS256',
        'PS256',
      ],
    })
    expect((documents[index]!.token_endpoint_auth_methods_supported as string[])[0]).toBe('none')
    expect(documents[index]!.revocation_endpoint_auth_methods_supported).toEqual(
      documents[index]!.token_endpoint_auth_methods_supported,
    )
  })

  it('advertises the default scopes and leaves the rest to step-up', () => {
    expect(documents[index]!.scopes_supported).toEqual(['notes:read'])
  })

  it('every address it names is there', async () => {
    for (const [name, value] of Object.entries(documents[index]!)) {
      if (!/_(endpoint|uri)$/.test(name)) continue
      const { status } = await toolgate.fetch(new URL(String(value)).pathname, { method: 'DELETE' })
      expect([name, status]).toEqual([name, 405])
    }
  })
})

it('the two documents agree', () => {
  const [oauth, openid] = documents
  expect(openid).toMatchObject(oauth!)
})

it('may be kept for five minutes by anybody; what is not found may not', async () => {
  const [found, missing] = await Promise.all([toolgate.fetch(OAUTH), toolgate.fetch(`${OAUTH}/nothing`)])
  expect(found.headers.get('cache-control')).toBe('public, max-age=300')
  expect(missing.status).toBe(404)
  expect(missing.headers.get('cache-control')).toBe('no-store')
})

it('without a catalogue no scope is advertised, and what the engine says of its own addresses is replaced', () => {
  const engine = { issuer: 'http://other', token_endpoint: 'http://other/token', kept: 1 }
  const offers = { registration: true, documents: true }
  expect(publishedMetadata('https://auth.example', engine, undefined, offers)).toMatchObject({
    issuer: 'https://auth.example',
    token_endpoint: 'https://auth.example/token',
    scopes_supported: [],
    kept: 1,
  })
})

it('what this installation does not offer is not advertised', () => {
  const offers = { registration: false, documents: false }
  const document = publishedMetadata('https://auth.example', {}, undefined, offers)
  expect(JSON.parse(JSON.stringify(document))).not.toHaveProperty('registration_endpoint')
  expect(document.client_id_metadata_document_supported).toBe(false)
})
