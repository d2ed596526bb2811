import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { errors } from 'oidc-provider'
import { describe, expect, it } from 'vitest'
import {
  identicalSuccessor,
  seal,
  type TokenResponse,
  unseal,
} from '../../src/authorization-server/tokens/refresh-rotation.ts'

const token = () => randomBytes(32).toString('base64url')
const response = (change: Partial<TokenResponse> = {}): TokenResponse => ({
  access_token: token(),
  refresh_token: token(),
  expires_in: 900,
  scope: 'notes:read',
  ...change,
})

describe('a sealed response', () => {
  it('is opened by the token it was sealed with, whatever both are', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.record({ access_token: fc.string(), expires_in: fc.nat() }),
        (presented, given) => {
          expect(unseal(presented, seal(presented, given))).toEqual(given)
        },
      ),
    )
  })

  it('is opened by no other token', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (presented, other) => {
        fc.pre(presented !== other)
        expect(() => unseal(other, seal(presented, response()))).toThrow()
      }),
    )
  })

  it('is refused when any byte of it was changed or it was cut', () => {
    const presented = token()
    const sealed = seal(presented, response())
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const changed = Buffer.from(sealed)
        changed[at] = changed[at]! ^ by
        expect(() => unseal(presented, changed)).toThrow()
        expect(() => unseal(presented, sealed.subarray(0, at))).toThrow()
      }),
    )
  })

  it('shows nothing of what is inside, and differs each time', () => {
    const presented = token()
    const inside = response()
    const [one, two] = [seal(presented, inside), seal(presented, inside)]
    expect(one.equals(two)).toBe(false)
    for (const text of [inside.access_token, 'access_token', presented])
      expect(one.includes(text)).toBe(false)
  })
})

describe('the identical successor', () => {
  const replayOf = (presented: string, first: TokenResponse, consumed_seconds_ago: number) => ({
    presented,
    sealed_response: seal(presented, first),
    consumed_seconds_ago,
  })

  it('is the first answer, with the time that passed taken off its lifetime and never below a second', () => {
    const presented = token()
    const first = response()
    expect(identicalSuccessor(replayOf(presented, first, 12.9), response())).toEqual({
      ...first,
      expires_in: 888,
    })
    expect(identicalSuccessor(replayOf(presented, first, 5_000), response()).expires_in).toBe(1)
  })

  it('is refused to a request that would have got another scope', () => {
    const presented = token()
    const replay = replayOf(presented, response(), 1)
    expect(() => identicalSuccessor(replay, response({ scope: 'notes:write' }))).toThrow(errors.InvalidScope)
  })
})
