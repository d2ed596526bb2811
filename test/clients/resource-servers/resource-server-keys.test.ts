import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../../src/base/errors.ts'
import { keySetHash, registeredKeys } from '../../../src/clients/resource-servers/resource-server-keys.ts'
import { jwksOf, testKey } from '../../support/assertions.ts'

const es256 = testKey('ES256', 'a')
const eddsa = testKey('EdDSA', 'b')
const rsa = testKey('RS256', 'c')
const { public_jwk } = es256
const rsaOf = (modulusLength: number, publicExponent = 65_537) =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey.export({ format: 'jwk' })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' })
const x25519 = generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' })

describe('a key set that is registered', () => {
  it('is the same credential in any order, with whatever else stands in it', async () => {
    const once = await registeredKeys(jwksOf(es256, eddsa, rsa))
    const again = await registeredKeys({
      note: 'x',
      keys: jwksOf(rsa, es256, eddsa).keys.map((key) => ({ key_ops: ['verify'], x5c: ['x'], ...key })),
    })
    expect(again).toEqual(once)
    expect(once.credential_hash).toEqual(keySetHash(once.document))
    const thumbprints = [es256, eddsa, rsa].map((key) => calculateJwkThumbprint(key.public_jwk as JWK))
    expect(once.thumbprints).toEqual((await Promise.all(thumbprints)).sort())
  })

  it('is another credential with another key or kid, or alg where there is a choice', async () => {
    const sets = [
      jwksOf(es256),
      jwksOf(eddsa),
      jwksOf(es256, eddsa),
      { keys: [{ ...public_jwk, kid: 'z' }] },
      jwksOf(rsa),
      { keys: [{ ...rsa.public_jwk, alg: undefined }] },
      { keys: [{ ...rsa.public_jwk, alg: 'PS256' }] },
    ]
    const hashOf = async (set: unknown) => (await registeredKeys(set)).credential_hash.toString('hex')
    const hashes = await Promise.all(sets.map(hashOf))
    expect(new Set(hashes).size).toBe(sets.length)
    expect(await hashOf({ keys: [{ ...public_jwk, alg: undefined }] })).toBe(hashes[0])
  })

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'A JWK Set is'],
    ['a key that is no set', public_jwk, 'A JWK Set is'],
    ['no key', { keys: [] }, 'A JWK Set is'],
    ['too many keys', { keys: Array.from({ length: 9 }, () => public_jwk) }, '1 to 8'],
    ['a key that is text', { keys: ['x'] }, 'Key 1 of the JWK Set is not an object'],
    ['a private key', { keys: [{ ...public_jwk, d: 'AQAB' }] }, 'has a private half'],
    ['a symmetric key', { keys: [{ kty: 'oct', k: 'AAAA' }] }, 'has a private half'],
    ['a key for encryption', { keys: [{ ...public_jwk, use: 'enc' }] }, 'is not for signatures'],
    ['a kid that is a number', { keys: [{ ...public_jwk, kid: 7 }] }, 'has a kid'],
    ['a kid with a line end', { keys: [{ ...public_jwk, kid: 'a\n' }] }, 'has a kid'],
    ['an alg that does not fit', { keys: [{ ...public_jwk, alg: 'RS256' }] }, 'must have the alg ES256'],
    ['alg none', { keys: [{ ...public_jwk, alg: 'none' }] }, 'must have the alg ES256'],
    ['another curve', { keys: [p384] }, 'must be EC P-256'],
    ['a key for key agreement', { keys: [x25519] }, 'must be EC P-256'],
    ['a point that is not on the curve', { keys: [{ ...public_jwk, x: public_jwk.y }] }, 'must be EC P-256'],
    ['RSA with 1024 bits', { keys: [rsaOf(1_024)] }, 'RSA with 2048 to 4096 bits'],
    ['RSA with exponent 3', { keys: [rsaOf(2_048, 3)] }, 'RSA with 2048 to 4096 bits'],
    ['two keys of one name', { keys: [public_jwk, { ...eddsa.public_jwk, kid: 'a' }] }, 'a kid of its own'],
    [
      'two keys without names',
      { keys: [{ ...public_jwk, kid: undefined }, eddsa.public_jwk] },
      'a kid of its own',
    ],
  ])('with %s is refused in words', async (_, set, message) => {
    await expect(registeredKeys(set)).rejects.toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining(message),
    })
  })

  it('whatever it is, is registered or refused in words', async () => {
    const member = fc.oneof(fc.jsonValue(), fc.constantFrom('EC', 'P-256', 'OKP', 'RSA', 'sig'))
    const key = fc.dictionary(fc.constantFrom('kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use'), member)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(key, fc.constant(public_jwk))), async (keys) => {
        try {
          await registeredKeys({ keys })
        } catch (error) {
          expect(error).toBeInstanceOf(AppError)
        }
      }),
    )
  })
})
