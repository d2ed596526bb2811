import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  authenticates,
  presentedCredentials,
} from '../../../src/api/introspection/resource-server-authentication.ts'
import { sha256 } from '../../../src/base/digest.ts'
import { AppError } from '../../../src/base/errors.ts'
import { basic } from '../../support/basic-credentials.ts'

const SECRET = 'a-secret_of.43'
const form = (values: Record<string, string> = {}) => ({ get: (name: string) => values[name] })

function codeOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
  return 'none'
}

describe('credentials', () => {
  it('are read from HTTP Basic, in any spelling of the scheme, and from the body', () => {
    const expected = { id: 'rs_notes', credential_hash: sha256(SECRET) }
    expect(presentedCredentials(basic(`rs_notes:${SECRET}`), form())).toEqual(expected)
    expect(presentedCredentials(basic(`rs_notes:${SECRET}`).replace('Basic', 'BASIC'), form())).toEqual(
      expected,
    )
    expect(presentedCredentials(undefined, form({ client_id: 'rs_notes', client_secret: SECRET }))).toEqual(
      expected,
    )
  })

  it('of a header that was read before are looked at again when the form has some too', () => {
    const header = basic(`rs:${SECRET}`)
    const alone = presentedCredentials(header, form())
    expect(presentedCredentials(header, form())).toBe(alone)
    expect(codeOf(() => presentedCredentials(header, form({ client_secret: SECRET })))).toBe('invalid_input')
    expect(codeOf(() => presentedCredentials(header, form({ client_id: 'other' })))).toBe('invalid_input')
    expect(presentedCredentials(header, form({ client_id: 'rs' }))).toEqual(alone)
  })

  it.each([
    '',
    'Basic',
    'Basic ',
    'Basic cnM6eA== x',
    'Bearer cnM6eA==',
    basic('no colon'),
    basic(':secret'),
    basic('rs:'),
    basic('RS:secret'),
    basic('rs notes:secret'),
    basic(`${'r'.repeat(65)}:secret`),
    basic('rs\0:secret'),
    'Basic %%%%',
  ])('%j is unauthenticated', (header) => {
    expect(codeOf(() => presentedCredentials(header, form()))).toBe('unauthenticated')
  })

  it('whatever the header is, the answer is credentials or one of our errors', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string().map(basic)), (header) => {
        expect(['none', 'unauthenticated']).toContain(codeOf(() => presentedCredentials(header, form())))
      }),
    )
  })
})

describe('authenticates', () => {
  it('only with the stored hash, and never when there is none', () => {
    const presented = { id: 'rs', credential_hash: sha256(SECRET) }
    expect(authenticates(presented, sha256(SECRET))).toBe(true)
    expect(authenticates(presented, sha256('other'))).toBe(false)
    expect(authenticates(presented, undefined)).toBe(false)
    expect(authenticates({ id: 'rs', credential_hash: Buffer.alloc(32) }, undefined)).toBe(false)
  })
})
