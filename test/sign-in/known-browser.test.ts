import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KNOWN_BROWSER_SECONDS, knownBrowser, rememberBrowser } from '../../src/sign-in/known-browser.ts'

const KEY = 'the key of this test'

describe('a known browser', () => {
  it('is known to the account that signed in there, and to no other', () => {
    const cookie = rememberBrowser(KEY, undefined, 'ada')
    expect(knownBrowser(KEY, cookie, 'ada')).toMatch(/^[\w-]{16}$/)
    expect(knownBrowser(KEY, cookie, 'bob')).toBeUndefined()
    expect(knownBrowser('another key', cookie, 'ada')).toBeUndefined()
    expect(cookie).not.toContain('ada')
  })

  it('stays the same browser, for up to five accounts', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    let cookie: string | undefined
    for (const name of names) cookie = rememberBrowser(KEY, cookie, name)
    const ids = names.map((name) => knownBrowser(KEY, cookie, name))
    expect(ids.map((id) => id !== undefined)).toEqual([false, true, true, true, true, true])
    expect(knownBrowser(KEY, rememberBrowser(KEY, cookie, 'c'), 'c')).toBe(ids[2])
  })

  it('is forgotten after half a year', () => {
    const now_seconds = 1_800_000_000
    const cookie = rememberBrowser(KEY, undefined, 'ada', now_seconds)
    const later = (seconds: number) => knownBrowser(KEY, cookie, 'ada', now_seconds + seconds)
    expect(later(KNOWN_BROWSER_SECONDS - 1)).toBeDefined()
    expect(later(KNOWN_BROWSER_SECONDS + 1)).toBeUndefined()
  })

  it('is nobody who made up a cookie or changed one', () => {
    const cookie = rememberBrowser(KEY, undefined, 'ada')
    const changed = fc
      .tuple(fc.nat(cookie.length - 1), fc.constantFrom(...'abcXYZ019._~-%'))
      .map(([at, by]) => {
        return cookie.slice(0, at) + by + cookie.slice(at + 1)
      })
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 2_000 }), changed), (text) => {
        if (text !== cookie) expect(knownBrowser(KEY, text, 'ada')).toBeUndefined()
      }),
    )
  })
})
