import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { receiverOf } from '../../../src/clients/registration/receiver.ts'
import { REDIRECT_URI_MAX_LENGTH, redirectUriFault } from '../../../src/clients/registration/redirect-uris.ts'

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
        .tuple(
          fc.constantFrom(
            'https://',
            'http://localhost',
            'com.example.app:',
            'cursor://x/',
            'javascript:',
            '//',
          ),
          fc.string(),
        )
        .map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(nasty, (uri) => {
        if (redirectUriFault(uri) !== undefined) return
        const url = new URL(uri)
        expect(uri.length).toBeLessThanOrEqual(REDIRECT_URI_MAX_LENGTH)
        expect(url.username + url.password + url.hash).toBe('')
        expect(uri).not.toMatch(/[\s\\#*\p{Cc}]/u)
        expect(url.protocol === 'http:' ? receiverOf(uri)?.kind : 'loopback').toBe('loopback')
        const rest = (text: string) => text.slice(text.indexOf(':')).replace(/^:\/\/[^/?]*\/?/, '')
        expect(rest(uri)).toBe(rest(url.href))
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
