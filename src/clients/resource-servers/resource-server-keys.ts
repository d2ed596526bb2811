import { createPublicKey, hash, type JsonWebKey, type KeyObject } from 'node:crypto'
import { AppError } from '../../base/errors.ts'
import { parseJson } from '../../base/json.ts'
import {
  ASSERTION_ALGORITHMS,
  fits,
  isSameAlgorithm,
  isSignedBy,
  thumbprint,
} from '../keys/assertion-algorithm.ts'

/**
 * The public keys (RFC 7517) by which a resource server authenticates with private_key_jwt: checked when they are
 * registered, kept as one canonical document, and named by its hash, so that whoever holds a document with the hash
 * that the database has now, has the keys that count now.
 */
export type RegisteredKeys = { document: string; credential_hash: Buffer; thumbprints: string[] }

const KEYS_MAX = 8
const RSA_BITS_MIN = 2_048
const RSA_BITS_MAX = 4_096
const RSA_EXPONENT_MIN = 65_537n
const KEY_ID = /^[\x21-\x7e]{1,128}$/
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/**
 * SHA-512/256 and not SHA-256, by which secrets are kept: the document is public, and presented as a secret it must
 * not have the hash of the keys.
 */
export function keySetHash(document: string): Buffer {
  return hash('sha512-256', document, 'buffer')
}

/** Checks a JWK Set that somebody registers. Throws `invalid_input` naming the key and its fault. */
export function registeredKeys(jwks: unknown): RegisteredKeys {
  const given = typeof jwks === 'object' && jwks !== null && 'keys' in jwks ? jwks.keys : undefined
  if (!Array.isArray(given) || given.length === 0 || given.length > KEYS_MAX)
    throw new AppError('invalid_input', `A JWK Set is {"keys": […]} with 1 to ${KEYS_MAX} public keys`)
  const keys = given.map((key, index) => registeredKey(key, `Key ${index + 1} of the JWK Set`))
  const kids = keys.map(({ kid }) => kid)
  if (keys.length > 1 && (kids.includes(undefined) || new Set(kids).size < kids.length))
    throw new AppError('invalid_input', 'Where there are several keys, each needs a kid of its own')
  // The same keys in another order are the same credential.
  const texts = keys.map((key) => JSON.stringify(key)).sort()
  const document = `{"keys":[${texts.join(',')}]}`
  return { document, credential_hash: keySetHash(document), thumbprints: keys.map(thumbprint).sort() }
}

type PublicKey = JsonWebKey & { kid?: string; alg?: string }

function registeredKey(value: unknown, name: string): PublicKey {
  const fault = (what: string) => new AppError('invalid_input', `${name} ${what}`)
  if (typeof value !== 'object' || value === null) throw fault('is not an object')
  const { kid, alg, use, ...key } = value as Record<string, unknown>
  if (PRIVATE_MEMBERS.some((member) => member in key))
    throw fault('has a private half: register the public one only')
  if (use !== undefined && use !== 'sig') throw fault('is not for signatures: its use must be "sig"')
  if (kid !== undefined && !(typeof kid === 'string' && KEY_ID.test(kid)))
    throw fault('has a kid that is not 1 to 128 printable ASCII characters')
  const public_key = importKey(key)
  const jwk = public_key?.export({ format: 'jwk' })
  const algorithms = ASSERTION_ALGORITHMS.filter((each) => jwk && fits(each, jwk))
  if (!public_key || !jwk || algorithms.length === 0 || isWeak(public_key))
    throw fault(`must be EC P-256, OKP Ed25519, or RSA with ${RSA_BITS_MIN} to ${RSA_BITS_MAX} bits`)
  if (alg !== undefined && !algorithms.includes(String(alg)))
    throw fault(`must have the alg ${algorithms.join(' or ')}`)
  // As Node writes them: a document has one spelling of each key.
  const names = {
    ...(typeof kid === 'string' ? { kid } : {}),
    ...(alg === undefined ? {} : { alg: String(alg) }),
  }
  const members = Object.entries({ ...jwk, ...names }) as [string, string][]
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)))
}

function importKey(key: JsonWebKey): KeyObject | undefined {
  try {
    return createPublicKey({ key, format: 'jwk' })
  } catch {
    return undefined
  }
}

function isWeak({ asymmetricKeyDetails: details }: KeyObject): boolean {
  const { modulusLength: bits, publicExponent: exponent } = details ?? {}
  if (bits === undefined) return false
  return bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || (exponent ?? 0n) < RSA_EXPONENT_MIN
}

/** What was signed, by which algorithm, and by which key, where that was said. */
export type Signed = { algorithm: string; key_id: string | undefined; signed: Buffer; signature: Buffer }

export type KeySet = readonly { jwk: PublicKey; key: KeyObject }[]

/** The keys of a document made here. */
export function readKeySet(document: string): KeySet {
  const { keys } = parseJson(document) as { keys: PublicKey[] }
  return keys.map((jwk) => ({ jwk, key: createPublicKey({ key: jwk, format: 'jwk' }) }))
}

/** Whether one of the keys made the signature. At most one key is tried: the one that is named, or the only one that fits. */
export function isSignedByOneOf(keys: KeySet, { algorithm, key_id, signed, signature }: Signed): boolean {
  const [found, ...others] = keys.filter(
    ({ jwk }) =>
      fits(algorithm, jwk) &&
      (jwk.alg === undefined || isSameAlgorithm(jwk.alg, algorithm)) &&
      (jwk.kid === undefined || key_id === undefined || jwk.kid === key_id),
  )
  return found !== undefined && others.length === 0 && isSignedBy(found.key, algorithm, signed, signature)
}
