import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readChallenges } from '../../../src/doctor/crawl/challenge.ts'
import { bearerChallenge } from '../../../src/guard/index.ts'

const plain = (header: string) =>
  readChallenges(header)?.map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)])

describe('readChallenges', () => {
  it.each([
    ['Bearer', [['bearer', {}]]],
    ['Bearer realm="a, b", scope="x y"', [['bearer', { realm: 'a, b', scope: 'x y' }]]],
    [
      'Basic realm=a, Bearer error="invalid_token"',
      [
        ['basic', { realm: 'a' }],
        ['bearer', { error: 'invalid_token' }],
      ],
    ],
    ['Bearer Error="say \\"no\\""', [['bearer', { error: 'say "no"' }]]],
  ])('reads %s', (header, challenges) => {
    expect(plain(header)).toEqual(challenges)
  })

  it.each(['Bearer realm="open', 'realm="a"', 'Bearer a="1", a="2"', 'Bearer ="x"'])(
    'says that %s is malformed',
    (header) => expect(readChallenges(header)).toBeUndefined(),
  )

  it('reads back whatever the guard writes', () => {
    const text = fc.string({
      unit: fc.integer({ min: 32, max: 126 }).map((code) => String.fromCharCode(code)),
      minLength: 1,
    })
    fc.assert(
      fc.property(text, text, (error, scope) => {
        expect(plain(bearerChallenge({ error, scope }))).toEqual([['bearer', { error, scope }]])
      }),
    )
  })
})
