/** A private key as JWK (RFC 7517): EC P-256, OKP Ed25519, or RSA, where `alg` may say PS256. */
export type PrivateKey = { kty?: string; crv?: string; d?: string; kid?: string; alg?: string } & Record<
  string,
  unknown
>

/** With the parameters of Web Cryptography: to read the key, and to sign. */
type Algorithm = {
  alg: string
  imported: { name: string; namedCurve: string } | { name: string; hash: string } | { name: string }
  signed: { name: string; hash: string } | { name: string; saltLength: number } | { name: string }
}

const EC: Algorithm = {
  alg: 'ES256',
  imported: { name: 'ECDSA', namedCurve: 'P-256' },
  signed: { name: 'ECDSA', hash: 'SHA-256' },
}
const ED25519: Algorithm = { alg: 'EdDSA', imported: { name: 'Ed25519' }, signed: { name: 'Ed25519' } }
const RSA: Algorithm = {
  alg: 'RS256',
  imported: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  signed: { name: 'RSASSA-PKCS1-v1_5' },
}
const RSA_PSS: Algorithm = {
  alg: 'PS256',
  imported: { name: 'RSA-PSS', hash: 'SHA-256' },
  signed: { name: 'RSA-PSS', saltLength: 32 },
}

/** The algorithm that a private key signs with; undefined when it is none that Toolgate accepts. */
export function algorithmOf({ kty, crv, alg, d }: PrivateKey): Algorithm | undefined {
  if (typeof d !== 'string') return undefined
  if (kty === 'EC' && crv === 'P-256') return EC
  if (kty === 'OKP' && crv === 'Ed25519') return ED25519
  if (kty === 'RSA') return alg === 'PS256' ? RSA_PSS : RSA
  return undefined
}
