import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  isPersonalAccessToken,
  makePersonalAccessToken,
} from '../../src/personal-tokens/personal-access-token.ts'

const made = fc.noShrink(fc.constant(null).map(() => makePersonalAccessToken()))

describe('the text of a personal access token', () => {
  it('passes whenever it was made here, and no two are the same', () => {
    const tokens = Array.from({ length: 2_000 }, makePersonalAccessToken)
    for (const token of tokens) {
      expect(token).toMatch(/^tgp_[0-9A-Za-z]{49}$/)
      expect(isPersonalAccessToken(token)).toBe(true)
    }
    expect(new Set(tokens).size).toBe(tokens.length)
  })

  it('has the checksum that anybody computes from SECURITY.md', () => {
    expect(isPersonalAccessToken(`tgp_${'0'.repeat(43)}17jAMh`)).toBe(true)
  })

  it('uses every character about equally often in its random part', () => {
    const counts = new Map<string, number>()
    for (let n = 0; n < 3_000; n++)
      for (const char of makePersonalAccessToken().slice(4, 47)) counts.set(char, (counts.get(char) ?? 0) + 1)
    expect(counts.size).toBe(62)
    // 2,080 of each are expected, with a standard deviation of 45; a modulo of bytes would give some 25 % more.
    for (const count of counts.values()) expect(Math.abs(count - 2_081)).toBeLessThan(340)
  })

  it('fails with any one character changed', () => {
    const char = fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_- ')
    fc.assert(
      fc.property(made, fc.nat(52), char, (token, at, other) => {
        fc.pre(token[at] !== other)
        expect(isPersonalAccessToken(token.slice(0, at) + other + token.slice(at + 1))).toBe(false)
      }),
      { numRuns: 2_000 },
    )
  })

  it('fails for whatever else there is', () => {
    const near = fc.stringMatching(/^tgp_[0-9A-Za-z]{49}$/)
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), near), (text) => {
        expect(isPersonalAccessToken(text)).toBe(false)
      }),
      { numRuns: 2_000 },
    )
    const token = makePersonalAccessToken()
    for (const text of [`${token}\n`, ` ${token}`, token.slice(0, -1), `${token}0`, token.toUpperCase()])
      expect(isPersonalAccessToken(text)).toBe(false)
  })
})
