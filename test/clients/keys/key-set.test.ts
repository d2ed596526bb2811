import { generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { readKeySet, usableKeys } from '../../../src/clients/keys/key-set.ts'
import { testKey } from '../../support/assertions.ts'

const { public_jwk } = testKey('RS256')
const { n, e } = public_jwk
const key = (kid: string): JsonWebKey => ({ kty: 'RSA', kid, n, e }) as JsonWebKey
const rsa = (modulusLength: number) =>
  generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' })

describe('the keys that a client publishes', () => {
  it('are read without what is not for signatures, private, weak or malformed', () => {
    const keys = [
      key('good'),
      { ...key('also good'), use: 'sig', alg: 'RS256', x5c: ['dropped'], key_ops: 'dropped' },
      { ...key('encryption'), use: 'enc' },
      { ...key('an algorithm for encryption'), alg: 'RSA-OAEP' },
      ...['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'].map((member) => ({
        ...key(member),
        [member]: 'AQAB',
      })),
      { kty: 'oct', kid: 'symmetric', k: 'AQAB' },
      { kty: 'AKP', kid: 'unknown type', alg: 'ML-DSA-44', pub: 'AQAB' },
      { ...rsa(1_024), kid: 'weak' },
      { ...key('too long'), n: 'x'.repeat(2_000) },
      { ...key('no text'), n: 1 },
      { ...key('x'), kid: 1 },
      { ...key('x'), kid: 'x'.repeat(257) },
      { kid: 'no type' },
      null,
      'text',
      [],
    ]
    expect(usableKeys({ keys })).toEqual([key('good'), { ...key('also good'), alg: 'RS256' }])
  })

  it('of each kind say by what they sign only where there is a choice', () => {
    const algs = ['ES256', 'EdDSA', 'RS256', 'PS256']
    const keys = algs.map((alg) => testKey(alg).public_jwk)
    expect(usableKeys({ keys })?.map(({ alg }) => alg)).toEqual([undefined, undefined, 'RS256', 'PS256'])
  })

  it('may be none, and 64 at most', () => {
    expect(usableKeys({ keys: [] })).toEqual([])
    const keys = (count: number) => ({ keys: Array.from({ length: count }, () => key('x')) })
    expect(usableKeys(keys(64))).toHaveLength(64)
    expect(usableKeys(keys(65))).toBeUndefined()
  })

  it.each([undefined, null, [], 1, 'keys', {}, { keys: {} }, { keys: null }, { keys: 'text' }])(
    '%j are none',
    (set) => {
      expect(usableKeys(set)).toBeUndefined()
    },
  )
})

it('a set has its limits from whoever reads it', () => {
  const keys = [rsa(3_072)]
  const read = (keys_max: number, rsa_bits_max: number) => readKeySet({ keys }, { keys_max, rsa_bits_max })
  expect(read(0, 4_096)).toBeUndefined()
  expect(read(1, 2_048)).toEqual([{ fault: expect.stringContaining('RSA with 2048 to 2048 bits') }])
  expect(read(1, 3_072)).toEqual([{ key: keys[0] }])
})
