import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  isLoopbackRedirect,
  isNative,
  isPrivateUse,
  REDIRECT_URI_MAX_LENGTH,
  redirectHost,
  redirectUriFault,
} from '../../../src/clients/registration/redirect-uris.ts'

describe('kinds', () => {
  it.each([
    ['http://localhost/cb', true, false],
    ['http://127.0.0.1:8080/cb', true, false],
    ['http://[::1]/cb', true, false],
    ['https://localhost/cb', false, false],
    ['http://127.0.0.2/cb', false, false],
    ['http://localhost.evil.example/cb', false, false],
    ['http://127.0.0.1.evil.example/cb', false, false],
    ['https://app.example/cb', false, false],
    ['cursor://anysphere/cb', false, true],
    ['com.example.app:/cb', false, true],
    ['not a url', false, false],
  ])('%s: loopback %s, of an app %s', (uri, loopback, private_use) => {
    expect([isLoopbackRedirect(uri), isPrivateUse(uri), isNative(uri)]).toEqual([
      loopback,
      private_use,
      loopback || private_use,
    ])
  })

  it('a number that is loopback to a browser is loopback here', () => {
    expect(isLoopbackRedirect('http://2130706433/cb')).toBe(true)
    expect(isLoopbackRedirect('http://0x7f.1/cb')).toBe(true)
  })
})

describe('what a person reads', () => {
  it.each([
    ['https://app.example:8443/cb', 'app.example:8443'],
    ['http://127.0.0.1:33418/cb', '127.0.0.1:33418'],
    ['com.example.app:/cb', 'com.example.app:'],
    ['https://xn--80ak6aa92e.com/cb', 'xn--80ak6aa92e.com'],
    ['https://аррӏе.com/cb', 'xn--80ak6aa92e.com'],
    ['nothing', 'unknown'],
  ])('%s is shown as %s', (uri, shown) => {
    expect(redirectHost(uri)).toBe(shown)
  })
})

describe('faults', () => {
  it.each([
    'javascript',
    'JAVASCRIPT',
    'data',
    'file',
    'blob',
    'vbscript',
    'about',
    'ws',
    'intent',
    'mailto',
  ])('the scheme %s is refused', (scheme) => {
    expect(redirectUriFault(`${scheme}:x`)).toMatch(/scheme/)
    expect(redirectUriFault(`${scheme}://localhost/cb`)).toMatch(/scheme/)
  })

  it('what may be registered is an absolute URL that no parser reads differently', () => {
    const nasty = fc.oneof(
      fc.webUrl({ withFragments: true, withQueryParameters: true }),
      fc.string({ unit: 'binary' }),
      fc
        .tuple(fc.constantFrom('https://', 'http://', 'app:', 'javascript:', '//'), fc.string())
        .map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(nasty, (uri) => {
        if (redirectUriFault(uri) !== undefined) return
        const url = new URL(uri)
        expect(uri.length).toBeLessThanOrEqual(REDIRECT_URI_MAX_LENGTH)
        expect(url.username + url.password + url.hash).toBe('')
        expect(uri).not.toMatch(/[\s\\#*\p{Cc}]/u)
        expect(url.protocol === 'http:' ? isLoopbackRedirect(uri) : true).toBe(true)
      }),
    )
  })

  it('anything at all is text with a fault, or taken', () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(['string', 'undefined']).toContain(typeof redirectUriFault(value))
      }),
    )
  })
})
