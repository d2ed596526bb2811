import { describe, expect, it } from 'vitest'
import { hashPassword, verifyPassword } from '../../src/accounts/password.ts'

describe('a password', () => {
  it('is stored salted, and opens with itself only', async () => {
    const [one, two] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')])
    expect(one).toMatch(/^scrypt\$32768\$8\$1\$[\w-]{22}\$[\w-]{43}$/)
    expect(one).not.toBe(two)
    expect(await verifyPassword('correct horse', one)).toBe(true)
    for (const wrong of ['correct horsE', 'correct horse ', '', '\0', '\ud800'])
      expect(await verifyPassword(wrong, one)).toBe(false)
  })

  it('is the same however the keyboard composes its characters', async () => {
    const stored = await hashPassword('passwo\u0308rter')
    expect(await verifyPassword('passw\u00f6rter', stored)).toBe(true)
  })

  it('of nobody opens nothing', async () => {
    expect(await verifyPassword('', undefined)).toBe(false)
    expect(await verifyPassword('anything', undefined)).toBe(false)
  })

  it('stored at another cost, as by an older version, still opens', async () => {
    const { scryptSync } = await import('node:crypto')
    const salt = Buffer.alloc(16, 7)
    const key = scryptSync('an old password', salt, 32, { N: 1_024, r: 8, p: 1 })
    const stored = ['scrypt', 1_024, 8, 1, salt.toString('base64url'), key.toString('base64url')].join('$')
    expect(await verifyPassword('an old password', stored)).toBe(true)
  })
})
