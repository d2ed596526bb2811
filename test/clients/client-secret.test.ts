import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { generateSecret, secretDigest, secretMatches } from '../../src/clients/client-secret.ts'

describe('a secret', () => {
  it('is 43 characters that mean the same with and without form-encoding, and never the same twice', () => {
    const secrets = Array.from({ length: 200 }, generateSecret)
    for (const secret of secrets) {
      expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/)
      expect(encodeURIComponent(secret)).toBe(secret)
    }
    expect(new Set(secrets).size).toBe(secrets.length)
  })

  it('is kept as a digest that it matches, and that no other text matches', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (secret, other) => {
        const stored = secretDigest(secret)
        expect(stored).toMatch(/^sha256:[\w-]{43}$/)
        expect(secretMatches(secret, stored)).toBe(true)
        expect(secretMatches(other, stored)).toBe(other === secret)
      }),
    )
  })

  it('the digest itself does not open', () => {
    const stored = secretDigest('x')
    expect(secretMatches(stored, stored)).toBe(false)
  })

  it('anything that is no text never matches and never throws', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (presented, stored) => {
        if (typeof presented === 'string' && typeof stored === 'string') return
        expect(secretMatches(presented, stored)).toBe(false)
      }),
    )
  })
})
