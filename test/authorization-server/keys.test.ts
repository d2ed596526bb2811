import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { importJWK, SignJWT } from 'jose'
import { afterAll, describe, expect, it } from 'vitest'
import { generateKeys, loadKeys, parseKeys } from '../../src/authorization-server/keys.ts'

const root = mkdtempSync(join(tmpdir(), 'toolgate-keys-'))
afterAll(() => rmSync(root, { recursive: true }))
let directories = 0
const fresh = () => join(root, String(++directories), 'data')

describe('generated keys', () => {
  it('sign, are told apart by their kid, and are what parseKeys takes', async () => {
    const [keys, others] = await Promise.all([generateKeys(), generateKeys()])
    expect(parseKeys(JSON.stringify(keys))).toEqual(keys)
    const [jwk] = keys.jwks.keys
    expect(jwk).toMatchObject({
      kty: 'RSA',
      use: 'sig',
      alg: 'RS256',
      kid: expect.stringMatching(/^[0-9a-f]{16}$/),
    })
    const signed = new SignJWT({}).setProtectedHeader({ alg: 'RS256' }).sign(await importJWK(jwk!, 'RS256'))
    await expect(signed).resolves.toMatch(/^ey/)
    expect(others.jwks.keys[0]?.kid).not.toBe(jwk?.kid)
    expect(new Set([keys.cookies[0], keys.forms, others.cookies[0], others.forms]).size).toBe(4)
  })
})

describe('what is no set of keys', () => {
  it.each([
    ['not JSON', '{"jwks": hunter2'],
    ['null', 'null'],
    ['a list', '["hunter2"]'],
    ['nothing inside', '{}'],
    ['no signing key', '{"jwks":{"keys":[]},"cookies":["hunter2hunter2hunter2hunter2hunter2"],"forms":"x"}'],
    [
      'a short secret',
      '{"jwks":{"keys":[{"kty":"RSA","kid":"a","alg":"RS256","d":"hunter2"}]},"cookies":["hunter2"]}',
    ],
    ['something more', '{"jwks":{"keys":[{"kty":"RSA","kid":"a","alg":"RS256"}]},"hunter2":1}'],
  ])('%s is refused with what to do, and never repeated', (_, text) => {
    let message = ''
    try {
      parseKeys(text)
    } catch (error) {
      message = String(error)
    }
    expect(message).toContain('toolgate keys create')
    expect(message).not.toContain('hunter2')
  })
})

describe('keys that prove nothing', () => {
  const rsa = (bits: number) =>
    generateKeyPairSync('rsa', { modulusLength: bits }).privateKey.export({ format: 'jwk' })
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
  const signing = (jwk: object) => ({ jwks: { keys: [jwk] } })

  it.each<[string, object]>([
    ['that sign with alg none', signing({ ...ec, kid: 'a', alg: 'none' })],
    ['that are shared secrets', signing({ kty: 'oct', k: 'A'.repeat(86), kid: 'a', alg: 'HS256' })],
    ['of another kind than their alg', signing({ ...ec, kid: 'a', alg: 'RS256' })],
    ['of 1,024 bits', signing({ ...rsa(1_024), kid: 'a', alg: 'RS256' })],
    ['without their private half', signing({ ...ec, d: undefined, kid: 'a', alg: 'ES256' })],
    [
      'that are none',
      signing({ kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', d: 'AA', kid: 'a', alg: 'ES256' }),
    ],
    ['for encryption', signing({ ...ec, kid: 'a', alg: 'ES256', use: 'enc' })],
    ['of cookies, of one letter', { cookies: ['a'.repeat(43)] }],
    ['of cookies, in a sentence', { cookies: ['correct horse battery staple correct horse'] }],
    ['of forms, of few letters', { forms: 'abcabcabcabcabcabcabcabcabcabcabcabcabcabc' }],
  ])('%s are refused', async (_, part) => {
    const keys = { ...(await generateKeys()), ...part }
    expect(() => parseKeys(JSON.stringify(keys))).toThrow('toolgate keys create')
  })

  it('are none of these', async () => {
    const keys = { ...(await generateKeys()), ...signing({ ...ec, kid: 'a', alg: 'ES256' }) }
    expect(parseKeys(JSON.stringify(keys))).toEqual(keys)
  })
})

describe('the data directory', () => {
  it('gets keys on first use, readable by its owner only, and gives the same ones ever after', async () => {
    const data_dir = fresh()
    const first = await loadKeys({ keys: undefined, data_dir })
    expect(await loadKeys({ keys: undefined, data_dir })).toEqual(first)
    expect(statSync(join(data_dir, 'keys.json')).mode & 0o777).toBe(0o600)
    expect(statSync(data_dir).mode & 0o777).toBe(0o700)
  })

  it('two servers that start at once agree on one set', async () => {
    const data_dir = fresh()
    const [one, two] = await Promise.all([1, 2].map(() => loadKeys({ keys: undefined, data_dir })))
    expect(one).toEqual(two)
  })

  it('is not touched when keys are configured', async () => {
    const data_dir = fresh()
    const keys = await generateKeys()
    expect(await loadKeys({ keys: JSON.stringify(keys), data_dir })).toEqual(keys)
    expect(() => readdirSync(data_dir)).toThrow('ENOENT')
  })

  it('a spoiled key file is a fault, not a reason to make new keys', async () => {
    const data_dir = fresh()
    await loadKeys({ keys: undefined, data_dir })
    writeFileSync(join(data_dir, 'keys.json'), '{"jwks"')
    await expect(loadKeys({ keys: undefined, data_dir })).rejects.toThrow('is not JSON')
  })
})
