import { describe, expect, it } from 'vitest'
import {
  assertionKeyId,
  claimedClientId,
  keysOf,
  verifyAssertion,
} from '../../../src/clients/keys/client-assertion.ts'
import { usableKeys } from '../../../src/clients/keys/key-set.ts'
import { assertion, jwksOf, nowSeconds, part, type TestKey, testKey } from '../../support/assertions.ts'

const AUDIENCE = 'https://auth.example'
const key = testKey('ES256', 'one')
const made = (header: unknown, claims: unknown) => `${part(header)}.${part(claims)}.x`

describe('an assertion that is yet to be believed', () => {
  it('says who it is of, and which key signed it', () => {
    const text = assertion(key, { id: 'a', aud: AUDIENCE })
    expect([claimedClientId(text), assertionKeyId(text)]).toEqual(['a', 'one'])
  })

  it.each([
    '',
    '.',
    '..',
    'x',
    'e30',
    'e30.e30',
    'e30.e30.e30.e30',
    'ÿ.ÿ.ÿ',
    made(null, null),
    made([], []),
    made({}, {}),
  ])('%j says nothing', (text) => {
    expect([claimedClientId(text), assertionKeyId(text)]).toEqual([undefined, undefined])
  })

  it.each([
    { iss: 'a' },
    { sub: 'a' },
    { iss: 'a', sub: 'b' },
    { iss: ['a'], sub: ['a'] },
    { iss: 1, sub: 1 },
  ])('of %j is of nobody', (claims) => {
    expect(claimedClientId(made({ alg: 'ES256', kid: 1 }, claims))).toBeUndefined()
  })
})

describe('the key of a set', () => {
  const verified = (set: { keys: unknown[] }, signer: TestKey, header: Record<string, unknown> = {}) => {
    const keys = usableKeys(set) ?? []
    const rules = { keys: keysOf({ keys }), client_id: 'a', audiences: [AUDIENCE] }
    return verifyAssertion(
      assertion(signer, { id: 'a', aud: AUDIENCE }, { exp: nowSeconds() + 60 }, header),
      rules,
    )
  }
  const good = { exp_seconds: expect.any(Number) }

  it('that has no name answers to any', async () => {
    const unnamed = { keys: [{ ...key.public_jwk, kid: undefined }] }
    expect(await verified(unnamed, key)).toEqual(good)
    expect(await verified(unnamed, key, { kid: undefined })).toEqual(good)
    expect(await verified(unnamed, testKey())).toBeUndefined()
  })

  it('that has a name answers to it, and to none', async () => {
    expect(await verified(jwksOf(key), key)).toEqual(good)
    expect(await verified(jwksOf(key), key, { kid: undefined })).toEqual(good)
    expect(await verified(jwksOf(key), key, { kid: 'two' })).toBeUndefined()
  })

  it('is of the two names of EdDSA', async () => {
    const ed = testKey('EdDSA', 'ed')
    for (const registered of ['EdDSA', 'Ed25519'])
      for (const alg of ['EdDSA', 'Ed25519'])
        expect(await verified({ keys: [{ ...ed.public_jwk, alg: registered }] }, ed, { alg })).toEqual(good)
  })

  it('of one algorithm signs by no other', async () => {
    const rsa = testKey('RS256', 'rsa')
    expect(await verified(jwksOf(rsa), { ...rsa, alg: 'PS256' })).toBeUndefined()
    expect(
      await verified({ keys: [{ ...rsa.public_jwk, alg: undefined }] }, { ...rsa, alg: 'PS256' }),
    ).toEqual(good)
  })

  it('is none where the set is empty', async () => {
    expect(await verified({ keys: [] }, key)).toBeUndefined()
  })
})

it.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
  [
    'another audience',
    { aud: 'https://elsewhere.example' },
    {},
    `its aud must be ${AUDIENCE} and nothing else`,
  ],
  ['two audiences', { aud: [AUDIENCE, 'x'] }, {}, 'it has more than one aud'],
  ['a past exp', { exp: nowSeconds() - 5 }, {}, 'it has expired'],
  ['an exp long past', { exp: 5 }, {}, 'it has expired'],
  ['an exp far ahead', { exp: nowSeconds() + 420 }, {}, 'its exp may be 300 seconds ahead at most'],
  ['no exp', { exp: undefined }, {}, 'missing required "exp" claim'],
  ['an iat ahead', { iat: nowSeconds() + 90 }, {}, 'its iat is in the future'],
  ['an nbf ahead', { nbf: nowSeconds() + 90 }, {}, '"nbf" claim timestamp check failed'],
  ['an empty jti', { jti: '' }, {}, 'its jti must have 1 to 256 characters'],
  ['another typ', {}, { typ: 'at+jwt' }, 'its typ must be JWT or client-authentication+jwt'],
])('with %s it is told what is wrong', async (_, claims, header, fault) => {
  const keys = keysOf({ keys: usableKeys(jwksOf(key)) ?? [] })
  const text = assertion(key, { id: 'a', aud: AUDIENCE }, claims, header)
  expect(await verifyAssertion(text, { keys, client_id: 'a', audiences: [AUDIENCE] })).toEqual({
    fault: `The client assertion is refused: ${fault}`,
  })
})
