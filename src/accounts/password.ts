import { randomBytes, type ScryptOptions, timingSafeEqual } from 'node:crypto'
import { deriveKey } from './scrypt-pool.ts'

/** Password hashing with scrypt (RFC 7914), stored as `scrypt$N$r$p$salt$hash`. */
const COST = { N: 32_768, r: 8, p: 1 } as const
const MAX_MEMORY_BYTES = 64 * 1024 * 1024
const KEY_BYTES = 32

export const PASSWORD_MIN = 12
export const PASSWORD_MAX = 256

function derive(password: string, salt: Buffer, cost: ScryptOptions): Promise<Buffer> {
  const options = { ...cost, maxmem: MAX_MEMORY_BYTES }
  return deriveKey({ password: password.normalize('NFKC'), salt, key_bytes: KEY_BYTES, options })
}

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(password, salt, COST)
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

// A hash nobody knows the password of: verifying against it costs what verifying a real one costs.
const UNKNOWN_ACCOUNT = ['scrypt', COST.N, COST.r, COST.p, 'AAAAAAAAAAAAAAAAAAAAAA', 'A'.repeat(43)].join('$')

/** True when the password fits. Without a stored hash it does the same work and answers false. */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  const [, n, r, p, salt = '', hash = ''] = (stored ?? UNKNOWN_ACCOUNT).split('$')
  const expected = Buffer.from(hash, 'base64url')
  const actual = await derive(password, Buffer.from(salt, 'base64url'), {
    N: Number(n),
    r: Number(r),
    p: Number(p),
  })
  return timingSafeEqual(actual, expected) && stored !== undefined
}
