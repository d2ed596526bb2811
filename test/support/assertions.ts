import {
  constants,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomUUID,
  sign,
} from 'node:crypto'

/** Keys and assertions of resource servers, made here and not by the code that is tested. */
export type TestKey = { alg: string; kid: string; private_key: KeyObject; public_jwk: JsonWebKey }

export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

function pair(alg: string) {
  if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519')
  return generateKeyPairSync('rsa', { modulusLength: 2_048 })
}

export function testKey(alg = 'ES256', kid: string = randomUUID()): TestKey {
  const { privateKey, publicKey } = pair(alg)
  const public_jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }
  return { alg, kid, private_key: privateKey, public_jwk }
}

export const jwksOf = (...keys: TestKey[]) => ({ keys: keys.map(({ public_jwk }) => public_jwk) })

export const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

function signature(alg: string, text: string, key: KeyObject): Buffer {
  const data = Buffer.from(text)
  if (alg === 'ES256') return sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' })
  if (alg === 'PS256')
    return sign('sha256', data, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 })
  return sign(alg === 'EdDSA' ? null : 'sha256', data, key)
}

export const nowSeconds = () => Math.floor(Date.now() / 1000)

/** A good assertion of `id` for `aud`, with whatever is changed. `undefined` leaves a member out. */
export function assertion(
  key: TestKey,
  { id, aud }: { id: string; aud: unknown },
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
): string {
  const now = nowSeconds()
  const body = { iss: id, sub: id, aud, iat: now, exp: now + 120, jti: randomUUID(), ...claims }
  const text = `${part({ alg: key.alg, typ: 'JWT', kid: key.kid, ...header })}.${part(body)}`
  return `${text}.${signature(key.alg, text, key.private_key).toString('base64url')}`
}

export const asserting = (client_assertion: string) => ({
  client_assertion,
  client_assertion_type: ASSERTION_TYPE,
})
