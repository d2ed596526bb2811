import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bearerChallenge, createChallenges } from '../../src/guard/challenge.ts'

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

describe('the challenges of an MCP server', () => {
  const settings = {
    mode: 'oauth' as const,
    resource: 'https://mcp.example.com/mcp',
    default_scopes: ['files:read'],
  }
  const challenges = createChallenges(settings)
  const metadata = 'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"'
  const of = ({ answer }: ReturnType<typeof challenges.unauthenticated>) => [
    answer.status,
    answer.headers['www-authenticate'],
  ]

  // RFC 9728 §5.1 and MCP 2026-07-28, Scope Selection Strategy; RFC 6750 §3.1: no error code without a token.
  it('401 without a token: where the metadata is, and which scopes to begin with', () => {
    expect(of(challenges.unauthenticated())).toEqual([401, `Bearer ${metadata}, scope="files:read"`])
  })

  it('401 with a token that is not good: invalid_token', () => {
    const [status, challenge] = of(challenges.invalidToken())
    expect(status).toBe(401)
    expect(challenge).toMatch(
      /^Bearer error="invalid_token", error_description="[^"\\]+", scope="files:read", resource_metadata="/,
    )
  })

  // MCP 2026-07-28, Scope Challenge Handling: all scopes of the operation, in a single challenge.
  it('403 for too little: insufficient_scope with every scope of the operation, and the metadata', () => {
    const [status, challenge] = of(challenges.insufficientScope(['files:read', 'files:write']))
    expect(status).toBe(403)
    expect(challenge).toMatch(
      /^Bearer error="insufficient_scope", error_description="[^"\\]+", scope="files:read files:write", /,
    )
    expect(String(challenge).endsWith(metadata)).toBe(true)
  })

  it('400 for a token in the wrong place: invalid_request', () => {
    const [status, challenge] = of(challenges.invalidRequest('Why'))
    expect([status, challenge]).toEqual([
      400,
      `Bearer error="invalid_request", error_description="Why", ${metadata}`,
    ])
  })

  it('where there is no OAuth, nothing leads to it', () => {
    const personal = createChallenges({ ...settings, mode: 'token' })
    expect(of(personal.unauthenticated())).toEqual([401, 'Bearer'])
    expect(of(personal.invalidToken())[1]).not.toMatch(/scope=|resource_metadata=/)
  })
})
