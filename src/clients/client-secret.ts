import { randomBytes, timingSafeEqual } from 'node:crypto'
import { sha256 } from '../base/digest.ts'

/**
 * Secrets that machines hold: 256 random bits, so one SHA-256 is enough at rest, and base64url, since many
 * clients do not form-encode them in HTTP Basic (RFC 6749 §2.3.1).
 */
export function generateSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** How a client secret is kept inside client metadata: recognisable, and never the secret. */
export function secretDigest(secret: string): string {
  return `sha256:${sha256(secret).toString('base64url')}`
}

/** Compares a presented secret with a stored digest in constant time. */
export function secretMatches(presented: unknown, stored: unknown): boolean {
  if (typeof presented !== 'string' || typeof stored !== 'string') return false
  const expected = Buffer.from(stored)
  const actual = Buffer.from(secretDigest(presented))
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}
