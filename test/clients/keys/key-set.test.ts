import { describe, expect, it } from 'vitest'
import { assertionKeyId, parseKeySet } from '../../../src/clients/keys/key-set.ts'

const key = (kid: string) => ({ kty: 'RSA', kid, n: 'AQAB', e: 'AQAB' })

describe('a key set', () => {
  it('is read without what is not for signatures, is private or is not well-formed', () => {
    const keys = [
      key('good'),
      { ...key('also good'), use: 'sig', alg: 'RS256', x5c: ['dropped'], key_ops: 'dropped' },
      { ...key('encryption'), use: 'enc' },
      { ...key('private'), d: 'AQAB' },
      { kty: 'oct', kid: 'symmetric', k: 'AQAB' },
      { ...key('too long'), n: 'x'.repeat(2_000) },
      { ...key('no text'), n: 1 },
      { kid: 'no type' },
      null,
      'text',
      [],
    ]
    expect(parseKeySet(JSON.stringify({ keys }))).toEqual([
      key('good'),
      { ...key('also good'), use: 'sig', alg: 'RS256' },
    ])
  })

  it.each(['', '[]', 'null', '1', '"keys"', '{}', '{"keys":{}}', '{"keys":null}', '{'])(
    '%j is none',
    (text) => {
      expect(parseKeySet(text)).toBeUndefined()
    },
  )
})

describe('the key id of an assertion', () => {
  const assertion = (header: unknown) => `${Buffer.from(JSON.stringify(header)).toString('base64url')}.e30.x`

  it('is read from its header', () => {
    expect(assertionKeyId(assertion({ alg: 'RS256', kid: 'one' }))).toBe('one')
  })

  it.each(['', '.', 'x', 'e30', assertion(null), assertion(1), assertion({ kid: 1 }), assertion({})])(
    '%j has none',
    (text) => {
      expect(assertionKeyId(text)).toBeUndefined()
    },
  )
})
