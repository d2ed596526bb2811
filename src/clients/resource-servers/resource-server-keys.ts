import { hash } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { AppError } from '../../base/errors.ts'
import { type KeyLimits, readKeySet } from '../keys/key-set.ts'

/**
 * The public keys by which a resource server authenticates with private_key_jwt: checked when they are registered, kept
 * as one canonical document, and named by its hash, so that whoever holds a document with the hash that the database has
 * now, has the keys that count now.
 */
export type RegisteredKeys = { document: string; credential_hash: Buffer; thumbprints: string[] }

const LIMITS: KeyLimits = { keys_max: 8, rsa_bits_max: 4_096 }

/**
 * SHA-512/256 and not SHA-256, by which secrets are kept: the document is public, and presented as a secret it must
 * not have the hash of the keys.
 */
export function keySetHash(document: string): Buffer {
  return hash('sha512-256', document, 'buffer')
}

/** Checks a JWK Set that somebody registers. Throws `invalid_input` naming the key and its fault. */
export async function registeredKeys(jwks: unknown): Promise<RegisteredKeys> {
  const verdicts = readKeySet(jwks, LIMITS)
  if (!verdicts || verdicts.length === 0)
    throw new AppError('invalid_input', `A JWK Set is {"keys": […]} with 1 to ${LIMITS.keys_max} public keys`)
  const keys = verdicts.map((verdict, index) => {
    if ('key' in verdict) return verdict.key
    throw new AppError('invalid_input', `Key ${index + 1} of the JWK Set ${verdict.fault}`)
  })
  const kids = keys.map(({ kid }) => kid)
  if (keys.length > 1 && (kids.includes(undefined) || new Set(kids).size < kids.length))
    throw new AppError('invalid_input', 'Where there are several keys, each needs a kid of its own')
  // The same keys in another order are the same credential.
  const texts = keys.map((key) => JSON.stringify(key)).sort()
  const document = `{"keys":[${texts.join(',')}]}`
  const thumbprints = await Promise.all(keys.map((key) => calculateJwkThumbprint(key)))
  return { document, credential_hash: keySetHash(document), thumbprints: thumbprints.sort() }
}
