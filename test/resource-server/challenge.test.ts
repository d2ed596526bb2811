import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bearerChallenge } from '../../src/resource-server/challenge.ts'

/** Reads a challenge as RFC 9110 §11.6.1 writes it: a scheme, then name=quoted-string pairs. */
function parseChallenge(header: string): Record<string, string> {
  const parameters: Record<string, string> = {}
  let rest = header.replace(/^Bearer ?/, '')
  while (rest !== '') {
    const match = /^([a-z_]+)="((?:[^"\\]|\\.)*)"(?:, |$)/.exec(rest)
    if (!match) throw new Error(`not a challenge: ${header}`)
    parameters[match[1]!] = match[2]!.replace(/\\(.)/g, '$1')
    rest = rest.slice(match[0].length)
  }
  return parameters
}

describe('bearerChallenge', () => {
  it('gives back every printable string that was put in', () => {
    const printable = fc.string({ unit: 'grapheme-ascii', minLength: 1 })
    fc.assert(
      fc.property(
        fc.record({ error: printable, scope: printable, resource_metadata: printable }),
        (parameters) => {
          expect(parseChallenge(bearerChallenge(parameters))).toEqual(parameters)
        },
      ),
    )
  })

  it('is a valid header value with only the given parameters, whatever the strings', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (scope, error) => {
        const header = bearerChallenge({ error, scope })
        expect(() => new Headers({ 'www-authenticate': header })).not.toThrow()
        expect(header).toMatch(/^[\x20-\x7e]+$/)
        expect(['error', 'scope']).toEqual(expect.arrayContaining(Object.keys(parseChallenge(header))))
      }),
    )
  })

  it('drops line breaks, so that no header can be injected', () => {
    expect(bearerChallenge({ scope: 'a\r\nSet-Cookie: b="c"' })).toBe('Bearer scope="aSet-Cookie: b=\\"c\\""')
  })

  it('leaves out what is empty', () => {
    expect(bearerChallenge({ scope: '', error: 'e' })).toBe('Bearer error="e"')
  })
})
