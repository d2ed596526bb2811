import {
  constants,
  createHash,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  verify,
} from 'node:crypto'

/** The signatures by which resource servers may authenticate (RFC 7518 §3.1, RFC 8037): asymmetric ones, and no others. */
type Algorithm = { kty: string; crv?: string; verify(signed: Buffer, key: KeyObject, mac: Buffer): boolean }

const ED25519: Algorithm = {
  kty: 'OKP',
  crv: 'Ed25519',
  verify: (signed, key, mac) => verify(null, signed, key, mac),
}

const ALGORITHMS: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  [
    'ES256',
    {
      kty: 'EC',
      crv: 'P-256',
      verify: (signed, key, mac) => verify('sha256', signed, { key, dsaEncoding: 'ieee-p1363' }, mac),
    },
  ],
  ['EdDSA', ED25519],
  // RFC 9864 §2.2: the same signature under the name that says which curve.
  ['Ed25519', ED25519],
  [
    'RS256',
    {
      kty: 'RSA',
      verify: (signed, key, mac) =>
        verify('sha256', signed, { key, padding: constants.RSA_PKCS1_PADDING }, mac),
    },
  ],
  [
    'PS256',
    {
      kty: 'RSA',
      verify: (signed, key, mac) =>
        verify('sha256', signed, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, mac),
    },
  ],
])

export const ASSERTION_ALGORITHMS: readonly string[] = [...ALGORITHMS.keys()]

/** Whether a public key of this type and curve makes signatures of this algorithm. */
export function fits(algorithm: string, { kty, crv }: JsonWebKey): boolean {
  const known = ALGORITHMS.get(algorithm)
  return known !== undefined && known.kty === kty && known.crv === crv
}

/** `EdDSA` and `Ed25519` are two names of one. */
export function isSameAlgorithm(a: string, b: string): boolean {
  return ALGORITHMS.has(a) && ALGORITHMS.get(a) === ALGORITHMS.get(b)
}

/** Whether `signature` over `signed` is of this key. False for whatever is malformed. */
export function isSignedBy(key: KeyObject, algorithm: string, signed: Buffer, signature: Buffer): boolean {
  try {
    return ALGORITHMS.get(algorithm)?.verify(signed, key, signature) ?? false
  } catch {
    return false
  }
}

const THUMBPRINT_MEMBERS = ['crv', 'e', 'kty', 'n', 'x', 'y'] as const

/** RFC 7638: the name of a public key that everybody computes alike, base64url. */
export function thumbprint(key: JsonWebKey): string {
  const members = THUMBPRINT_MEMBERS.filter((name) => key[name] !== undefined).map((name) => [
    name,
    key[name],
  ])
  return createHash('sha256')
    .update(JSON.stringify(Object.fromEntries(members)))
    .digest('base64url')
}

export type SigningKey = { private_key: JsonWebKey; jwks: { keys: JsonWebKey[] } }

/** A new key for ES256: the private half for the resource server, the public half to be registered here. */
export function generateSigningKey(): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const public_key = publicKey.export({ format: 'jwk' })
  const names = { kid: thumbprint(public_key), alg: 'ES256', use: 'sig' }
  return {
    private_key: { ...privateKey.export({ format: 'jwk' }), ...names },
    jwks: { keys: [{ ...public_key, ...names }] },
  }
}
