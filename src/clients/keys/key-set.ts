import { isObject, parseJson } from '../../base/json.ts'

/** Public keys as clients publish them (RFC 7517), by which they authenticate with private_key_jwt. */
export type PublicKey = Record<string, unknown>

const KEYS_MAX = 64
/** Base64url of an RSA modulus of 8,192 bits. */
const MEMBER_MAX_LENGTH = 1_366

const KEPT = ['kty', 'kid', 'use', 'alg', 'crv', 'x', 'y', 'n', 'e'] as const
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** Only keys for signatures; one whose private half is published proves nothing and is left out. */
function publicKey(value: unknown): PublicKey | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const key = value as Record<string, unknown>
  if (PRIVATE.some((member) => member in key) || (key.use !== undefined && key.use !== 'sig'))
    return undefined
  const members = KEPT.filter((member) => key[member] !== undefined).map((member) => [member, key[member]])
  const isText = members.every(
    ([, text]) => typeof text === 'string' && /^[\x20-\x7e]+$/.test(text) && text.length <= MEMBER_MAX_LENGTH,
  )
  return isText && typeof key.kty === 'string' ? Object.fromEntries(members) : undefined
}

/** The usable keys of a JWK Set (RFC 7517 §5); undefined when it is none. */
export function usableKeys(set: unknown): PublicKey[] | undefined {
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined
  if (!Array.isArray(keys)) return undefined
  return keys
    .slice(0, KEYS_MAX)
    .map(publicKey)
    .filter((key) => key !== undefined)
}

/** The same of its text. */
export function parseKeySet(text: string): PublicKey[] | undefined {
  return usableKeys(parseJson(text))
}

/** The `kid` in the header of a client assertion (RFC 7523); undefined when there is none. */
export function assertionKeyId(assertion: string): string | undefined {
  const header = parseJson(Buffer.from(assertion.split('.', 1)[0] ?? '', 'base64url').toString())
  return isObject(header) && typeof header.kid === 'string' ? header.kid : undefined
}
