import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { displayName, sanitiseClientMetadata } from '../../src/clients/client-metadata.ts'
import { redirectUriFault } from '../../src/clients/redirect-uris.ts'

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
        expect((metadata.redirect_uris as unknown[]).map(redirectUriFault)).not.toContainEqual(
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
