import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { isObject } from '../../base/json.ts'

/**
 * JSON Web Key Sets (RFC 7517 §5) by which clients and resource servers authenticate with private_key_jwt: read strictly,
 * whoever registers or publishes them, and written in one spelling.
 */
export type PublicKey = JsonWebKey & { kty: string; kid?: string; alg?: string }

export type KeyLimits = { keys_max: number; rsa_bits_max: number }

/** Of what clients publish, which may hold keys of all ages and for other uses. */
const PUBLISHED: KeyLimits = { keys_max: 64, rsa_bits_max: 8_192 }

/** By kind of key, the signatures that prove who somebody is (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2): asymmetric ones only. */
const KINDS = [
  { kty: 'EC', crv: 'P-256', algorithms: ['ES256'] },
  { kty: 'OKP', crv: 'Ed25519', algorithms: ['EdDSA', 'Ed25519'] },
  { kty: 'RSA', crv: undefined, algorithms: ['RS256', 'PS256'] },
]

export const ASSERTION_ALGORITHMS: string[] = KINDS.flatMap(({ algorithms }) => algorithms)

const RSA_BITS_MIN = 2_048
const RSA_EXPONENT_MIN = 65_537n
const KEY_ID = /^[\x20-\x7e]{1,256}$/
/** RFC 7518 §6.2.2, §6.3.2, §6.4; RFC 9864 has `priv`. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** A key, or what is wrong with it, in words that go on from its name. */
export type KeyVerdict = { key: PublicKey } | { fault: string }

/** Each key of a set, with a verdict; undefined for what is no set, or has too many keys. */
export function readKeySet(set: unknown, limits: KeyLimits): KeyVerdict[] | undefined {
  const keys = isObject(set) ? set.keys : undefined
  if (!Array.isArray(keys) || keys.length > limits.keys_max) return undefined
  return keys.map((key) => readKey(key, limits))
}

/** The keys that can be used of a set that a client publishes; undefined when it is none. */
export function usableKeys(set: unknown): PublicKey[] | undefined {
  return readKeySet(set, PUBLISHED)?.flatMap((verdict) => ('key' in verdict ? [verdict.key] : []))
}

function readKey(value: unknown, { rsa_bits_max }: KeyLimits): KeyVerdict {
  if (!isObject(value)) return { fault: 'is not an object' }
  const { kid, alg, use, ...members } = value
  if (PRIVATE_MEMBERS.some((member) => member in members))
    return { fault: 'has a private half: register the public one only' }
  if (use !== undefined && use !== 'sig') return { fault: 'is not for signatures: its use must be "sig"' }
  if (kid !== undefined && !(typeof kid === 'string' && KEY_ID.test(kid)))
    return { fault: 'has a kid that is not 1 to 256 printable ASCII characters' }
  const imported = importKey(members)
  // As Node writes it: each key has one spelling.
  const jwk = imported?.export({ format: 'jwk' })
  const kind = KINDS.find(({ kty, crv }) => kty === jwk?.kty && crv === jwk.crv)
  if (!imported || !jwk || !kind || isWeak(imported, rsa_bits_max))
    return { fault: `must be EC P-256, OKP Ed25519, or RSA with ${RSA_BITS_MIN} to ${rsa_bits_max} bits` }
  if (alg !== undefined && !kind.algorithms.includes(String(alg)))
    return { fault: `must have the alg ${kind.algorithms.join(' or ')}` }
  // Of the other kinds, the key itself says how it signs.
  const chosen = kind.kty === 'RSA' && alg !== undefined ? { alg: String(alg) } : {}
  const named = { ...jwk, ...chosen, ...(kid === undefined ? {} : { kid }) }
  const sorted = Object.entries(named).sort(([a], [b]) => (a < b ? -1 : 1))
  return { key: Object.fromEntries(sorted) as PublicKey }
}

function importKey(members: JsonWebKey): KeyObject | undefined {
  try {
    return createPublicKey({ key: members, format: 'jwk' })
  } catch {
    return undefined
  }
}

function isWeak({ asymmetricKeyDetails: details }: KeyObject, rsa_bits_max: number): boolean {
  const { modulusLength: bits, publicExponent: exponent } = details ?? {}
  if (bits === undefined) return false
  return bits < RSA_BITS_MIN || bits > rsa_bits_max || (exponent ?? 0n) < RSA_EXPONENT_MIN
}
