import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  sanitiseClientMetadata,
  sanitiseMetadataDocument,
} from '../../../src/clients/registration/client-metadata.ts'
import { displayName } from '../../../src/clients/registration/client-name.ts'
import { redirectUriFault } from '../../../src/clients/registration/redirect-uris.ts'

const GOOD = 'https://app.example/cb'
const MEMBERS = [
  'redirect_uris',
  'client_name',
  'client_uri',
  'logo_uri',
  'jwks_uri',
  'jwks',
  'contacts',
  'grant_types',
].concat([
  'response_types',
  'application_type',
  'token_endpoint_auth_method',
  'scope',
  '__proto__',
  'constructor',
])

const jsonValue = fc.jsonValue({ maxDepth: 3 })
const uris = fc.array(fc.oneof(fc.constant(GOOD), fc.constant('http://localhost/cb'), jsonValue), {
  maxLength: 12,
})
const body = fc
  .tuple(fc.dictionary(fc.oneof(fc.constantFrom(...MEMBERS), fc.string()), jsonValue), fc.option(uris))
  .map(([members, redirect_uris]) => (redirect_uris ? { ...members, redirect_uris } : members))

describe('any JSON object', () => {
  it('is metadata or a fault in words; it never throws', () => {
    fc.assert(
      fc.property(body, (given) => {
        const sanitised = sanitiseClientMetadata(given)
        if ('fault' in sanitised) {
          expect(sanitised.fault).not.toBe('')
          expect(['invalid_redirect_uri', 'invalid_client_metadata']).toContain(sanitised.error)
          return
        }
        const { metadata } = sanitised
        expect(Object.values(metadata).filter((value) => value === null || value === '')).toEqual([])
        expect((metadata.redirect_uris as unknown[]).map((uri) => redirectUriFault(uri))).not.toContainEqual(
          expect.any(String),
        )
        expect(metadata.grant_types).toEqual(['authorization_code', 'refresh_token'])
        expect(metadata.response_types).toEqual(['code'])
        expect(['web', 'native']).toContain(metadata.application_type)
        expect(Object.keys(metadata)).not.toContain('scope')
      }),
    )
  })

  it('sanitised again is the same', () => {
    fc.assert(
      fc.property(body, (given) => {
        const once = sanitiseClientMetadata(given)
        if ('metadata' in once) expect(sanitiseClientMetadata(once.metadata)).toEqual(once)
      }),
    )
  })

  it('is not changed itself', () => {
    const given = Object.freeze({
      redirect_uris: Object.freeze([GOOD, GOOD]),
      logo_uri: 'x',
      client_name: ' a ',
    })
    const sanitised = sanitiseClientMetadata(given)
    expect(sanitised).toMatchObject({ metadata: { redirect_uris: [GOOD], client_name: 'a' } })
  })
})

describe('members', () => {
  const sanitise = (more: Record<string, unknown>) =>
    sanitiseClientMetadata({ redirect_uris: [GOOD], ...more })

  it.each(['javascript:alert(1)', 'data:image/svg+xml,x', 'ftp://x', 'x', 7, {}, [GOOD]])(
    'the address %j is left out and does not stop the client',
    (uri) => {
      const sanitised = sanitise({ logo_uri: uri, client_uri: uri })
      expect(sanitised).not.toHaveProperty('fault')
      expect(sanitised).not.toHaveProperty('metadata.logo_uri')
      expect(sanitised).not.toHaveProperty('metadata.client_uri')
    },
  )

  it('keys are fetched over https only', () => {
    expect(sanitise({ jwks_uri: 'http://app.example/jwks' })).not.toHaveProperty('metadata.jwks_uri')
    expect(sanitise({ jwks_uri: 'https://app.example/jwks' })).toHaveProperty('metadata.jwks_uri')
  })

  it('text that is too long or no text is refused by name', () => {
    for (const text of ['x'.repeat(2_049), '\ud800', 'a\0b'])
      expect(sanitise({ software_id: text })).toEqual({
        fault: 'software_id is too long or not well-formed text',
        error: 'invalid_client_metadata',
      })
  })

  it('a client without a method authenticates with none', () => {
    expect(sanitise({})).toMatchObject({ metadata: { token_endpoint_auth_method: 'none' } })
  })
})

describe('a name for people', () => {
  it.each([
    ['  two   words ', 'two words'],
    ['Ｂａｎｋ', 'Bank'],
    ['a\u202eb\u2066c\u200bd\ufeffe', 'abcde'],
    ['line\u2028end\u0000', 'lineend'],
    ['\u200b', undefined],
    ['', undefined],
    [7, undefined],
    [null, undefined],
  ])('%j is shown as %j', (name, shown) => {
    expect(displayName(name)).toBe(shown)
  })

  it('has at most 64 code points, none of them hidden, and is well-formed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (name) => {
        const shown = displayName(name) ?? ''
        expect([...shown].length).toBeLessThanOrEqual(64)
        expect(shown.isWellFormed()).toBe(true)
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u)
      }),
    )
  })
})

/** The rules for redirect URIs have a table of their own in redirect-uris.test.ts. */
describe('one policy for every registration', () => {
  const registered = (more: Record<string, unknown>) => {
    const sanitised = sanitiseClientMetadata({ redirect_uris: [GOOD], ...more })
    if ('fault' in sanitised) throw new Error(sanitised.fault)
    return sanitised.metadata
  }

  it.each<[what: string, sent: Record<string, unknown>, kept: Record<string, unknown>]>([
    ['null is dropped', { client_uri: null, jwks: null, contacts: null }, {}],
    ['an empty text is dropped', { logo_uri: '', tos_uri: '', client_name: '' }, {}],
    ['scope is dropped', { scope: 'notes:read offline_access' }, {}],
    ['an empty scope is dropped', { scope: '' }, {}],
    ['members nobody knows are dropped', { post_logout_redirect_uris: [GOOD], dpop_bound: true }, {}],
    [
      'unknown grant types are dropped',
      { grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'authorization_code'] },
      { grant_types: ['authorization_code', 'refresh_token'] },
    ],
    [
      'refresh_token is added',
      { grant_types: ['authorization_code'] },
      { grant_types: ['authorization_code', 'refresh_token'] },
    ],
    [
      'grant types that are no list are replaced',
      { grant_types: 'refresh_token' },
      { grant_types: ['authorization_code', 'refresh_token'] },
    ],
    [
      'unknown response types are dropped',
      { response_types: ['code id_token', 'id_token', 'none', 'code'] },
      { response_types: ['code'] },
    ],
    [
      'loopback makes it native',
      { redirect_uris: ['http://localhost/callback'] },
      { redirect_uris: ['http://localhost/callback'], application_type: 'native' },
    ],
    [
      'a scheme of its own makes it native',
      { redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback'], application_type: 'web' },
      { redirect_uris: ['cursor://anysphere.cursor-mcp/oauth/callback'], application_type: 'native' },
    ],
    [
      'https and loopback together are native',
      { redirect_uris: ['https://vscode.dev/redirect', 'http://127.0.0.1:33418/'] },
      {
        redirect_uris: ['https://vscode.dev/redirect', 'http://127.0.0.1:33418/'],
        application_type: 'native',
      },
    ],
    ['https alone is web', { application_type: 'native' }, { application_type: 'web' }],
    [
      'a single method counts before a list of them',
      {
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
        token_endpoint_auth_signing_alg: 'RS256',
        jwks_uri: 'https://chatgpt.com/oauth/jwks.json',
      },
      {
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'RS256',
        jwks_uri: 'https://chatgpt.com/oauth/jwks.json',
      },
    ],
    [
      'of a list, the first method that is possible counts',
      { token_endpoint_auth_methods_supported: ['tls_client_auth', 'client_secret_post', 'none'] },
      { token_endpoint_auth_method: 'client_secret_post' },
    ],
    [
      'a method nobody knows beside a list gives way to the list',
      {
        token_endpoint_auth_method: 'attest_jwt_client_auth',
        token_endpoint_auth_methods_supported: ['none'],
      },
      { token_endpoint_auth_method: 'none' },
    ],
    [
      'an algorithm without a method that signs is dropped',
      { token_endpoint_auth_signing_alg: 'RS256' },
      { token_endpoint_auth_method: 'none' },
    ],
    ['a redirect that is given twice is one', { redirect_uris: [GOOD, GOOD] }, { redirect_uris: [GOOD] }],
    ['a name loses joiners and controls', { client_name: 'Cl\u200daude\u0007' }, { client_name: 'Claude' }],
    ['a name is compatible text', { client_name: 'Ｃｌａｕｄｅ\u00a0Ⅳ' }, { client_name: 'Claude IV' }],
    ['a name has 64 code points', { client_name: '𠮷'.repeat(65) }, { client_name: '𠮷'.repeat(64) }],
    ['a name of nothing visible is none', { client_name: '\u200d\u200c' }, {}],
  ])('%s', (_, sent, kept) => {
    const bare = registered(sent.redirect_uris ? { redirect_uris: sent.redirect_uris } : {})
    expect(registered(sent)).toEqual({ ...bare, ...kept })
  })

  it.each<[what: string, sent: Record<string, unknown>, fault: RegExp, error: string]>([
    ['no redirect', { redirect_uris: [] }, /at least one/, 'invalid_redirect_uri'],
    ['a name that turns around', { client_name: '\u202eknaB\u2066' }, /turn text/, 'invalid_client_metadata'],
    ['a name with marks of direction', { client_name: 'Bank\u200e' }, /turn text/, 'invalid_client_metadata'],
    [
      'a name with what is not seen',
      { client_name: 'C\u200bl\u00adaude' },
      /invisible/,
      'invalid_client_metadata',
    ],
    [
      'a name with blanks of other scripts',
      { client_name: 'Cl\u3164\u2800' },
      /invisible/,
      'invalid_client_metadata',
    ],
    [
      'a name of nothing that is seen',
      { client_name: '\u200b\ufeff' },
      /invisible/,
      'invalid_client_metadata',
    ],
    [
      'eleven redirects',
      { redirect_uris: Array.from({ length: 11 }, (_, index) => `${GOOD}/${index}`) },
      /at most 10/,
      'invalid_redirect_uri',
    ],
    ['remote http', { redirect_uris: ['http://app.example/cb'] }, /use https/, 'invalid_redirect_uri'],
    ['a user', { redirect_uris: ['https://me@app.example/cb'] }, /user information/, 'invalid_redirect_uri'],
    ['a fragment', { redirect_uris: [`${GOOD}#`] }, /fragment/, 'invalid_redirect_uri'],
    ['a wildcard', { redirect_uris: ['https://*.app.example/cb'] }, /wildcard/, 'invalid_redirect_uri'],
    ['a control character', { redirect_uris: [`${GOOD}\u0007`] }, /character/, 'invalid_redirect_uri'],
    ['javascript:', { redirect_uris: ['javascript:alert(1)'] }, /scheme/, 'invalid_redirect_uri'],
    ['data:', { redirect_uris: ['data:text/html,x'] }, /scheme/, 'invalid_redirect_uri'],
    ['file:', { redirect_uris: ['file:///etc/passwd'] }, /scheme/, 'invalid_redirect_uri'],
    ['one bad redirect among good ones', { redirect_uris: [GOOD, 'x'] }, /absolute/, 'invalid_redirect_uri'],
    [
      'a redirect that is too long',
      { redirect_uris: [`${GOOD}/${'x'.repeat(2_048)}`] },
      /too long/,
      'invalid_redirect_uri',
    ],
    ['a text that is too long', { software_id: 'x'.repeat(2_049) }, /software_id/, 'invalid_client_metadata'],
    [
      'an unknown method',
      { token_endpoint_auth_method: 'tls_client_auth' },
      /auth_method/,
      'invalid_client_metadata',
    ],
    [
      'assertions without keys',
      { token_endpoint_auth_method: 'private_key_jwt' },
      /jwks/,
      'invalid_client_metadata',
    ],
  ])('%s is refused', (_, sent, fault, error) => {
    expect(sanitiseClientMetadata({ redirect_uris: [GOOD], ...sent })).toEqual({
      fault: expect.stringMatching(fault),
      error,
    })
  })
})

describe('a metadata document passes the same policy', () => {
  const ID = 'https://chatgpt.com/oauth/client.json'
  const read = (document: Record<string, unknown>) =>
    sanitiseMetadataDocument(ID, JSON.stringify({ client_id: ID, redirect_uris: [GOOD], ...document }))

  it.each<[what: string, document: Record<string, unknown>, kept: Record<string, unknown>]>([
    [
      'a list of choices beside one value',
      {
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
        token_endpoint_auth_signing_alg: 'RS256',
        jwks_uri: 'https://chatgpt.com/oauth/jwks.json',
      },
      { token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'RS256' },
    ],
    [
      'a list of choices alone',
      { token_endpoint_auth_methods_supported: ['client_secret_basic', 'none', 'private_key_jwt'] },
      { token_endpoint_auth_method: 'none' },
    ],
    [
      'portless loopback without an application type',
      { redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'] },
      { application_type: 'native' },
    ],
    [
      'only one grant type',
      { grant_types: ['authorization_code'] },
      { grant_types: ['authorization_code', 'refresh_token'] },
    ],
    ['nulls', { logo_uri: null, client_name: null }, { token_endpoint_auth_method: 'none' }],
  ])('with %s', (_, document, kept) => {
    const sanitised = read(document)
    expect(sanitised).toMatchObject({ metadata: { client_id: ID, ...kept } })
    expect(JSON.stringify(sanitised)).not.toContain('null')
  })

  it.each<[what: string, document: Record<string, unknown>]>([
    ['of another client', { client_id: 'https://chatgpt.com/other' }],
    ['with a secret', { client_secret: 'x' }],
    ['that wants a secret', { token_endpoint_auth_method: 'client_secret_basic' }],
    ['with a remote http redirect', { redirect_uris: ['http://app.example/cb'] }],
  ])('%s is refused', (_, document) => {
    expect(read(document)).toHaveProperty('fault')
  })
})

it.each(['\0', '\ud800', 'a\udfffb'])(
  'text that cannot be stored is refused, however deep it stands: %j',
  (text) => {
    const places = [{ software_id: text }, { contacts: [text] }, { software_version: { a: [{ b: text }] } }]
    for (const place of places)
      expect(sanitiseClientMetadata({ redirect_uris: [GOOD], ...place })).toHaveProperty('fault')
    const harmless = { redirect_uris: [GOOD], contacts: ['\\u0000 and \\\\ud800, spelled out'] }
    expect(sanitiseClientMetadata(harmless)).toHaveProperty('metadata.contacts', harmless.contacts)
  },
)
