import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { readClientCredentials } from '../../src/clients/client-credentials.ts'
import { asserting, assertion, part, testKey } from '../support/assertions.ts'
import { basic, ENCODERS, headersLike, vschars } from '../support/basic-credentials.ts'

const form = (values: Record<string, string> = {}) => ({ get: (name: string) => values[name] })
const read = (authorization: string | undefined, values?: Record<string, string>) => {
  try {
    return readClientCredentials(authorization, form(values))
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
}

describe('HTTP Basic', () => {
  it.each(Object.entries(ENCODERS))('says the same by the encoder %s', (_, encode) => {
    fc.assert(
      fc.property(vschars, vschars, (client_id, client_secret) => {
        const header = basic(`${encode(client_id)}:${encode(client_secret)}`)
        expect(read(header)).toEqual({ client_id, client_secret })
        expect(read(header.replace(/=+$/, ''))).toEqual({ client_id, client_secret })
        expect(read(header, { client_id })).toEqual({ client_id, client_secret })
      }),
    )
  })

  it('has a scheme of any case, and any number of spaces behind it', () => {
    for (const scheme of ['basic ', 'BASIC  ', 'bAsIc   '])
      expect(read(basic('a:b').replace('Basic ', scheme))).toEqual({ client_id: 'a', client_secret: 'b' })
  })

  it('a colon belongs to the secret, and an empty secret is none', () => {
    expect(read(basic('a:b:c'))).toEqual({ client_id: 'a', client_secret: 'b:c' })
    expect(read(basic('https%3A%2F%2Fapp.example%2Fclient:'))).toEqual({
      client_id: 'https://app.example/client',
    })
  })

  it.each([
    ...['Basic', 'Basic ', 'Basic !!!!', 'Basic YTpi x', 'Basic YTpi,YTpi', 'Basic YTpi====', 'Basic YT-_'],
    ...[
      'no colon',
      ':secret',
      'a%:b',
      'a:%',
      'a:%zz',
      'a:%E9',
      'a:é',
      'a%00:b',
      'a:%0A',
      'a:%7F',
      'a:\0',
    ].map(basic),
  ])('%j is unauthenticated', (header) => {
    expect(read(header)).toBe('unauthenticated')
  })

  it.each(['Bearer abc', 'DPoP abc', 'Basically YTpi', 'YTpi', ''])(
    '%j is no client authentication',
    (header) => {
      expect(read(header)).toEqual({})
      expect(read(header, { client_id: 'a' })).toEqual({ client_id: 'a' })
      expect(read(header, { client_id: 'a', client_secret: 'b' })).toEqual({
        client_id: 'a',
        client_secret: 'b',
      })
    },
  )
})

describe('the form', () => {
  const key = testKey()
  const text = assertion(key, { id: 'a', aud: 'https://auth.example' })

  it('has a secret, an assertion, a name, or nothing', () => {
    expect(read(undefined, { client_id: 'a', client_secret: 'b' })).toEqual({
      client_id: 'a',
      client_secret: 'b',
    })
    expect(read(undefined, asserting(text))).toEqual({ client_id: 'a', client_assertion: text })
    expect(read(undefined, { client_id: 'a' })).toEqual({ client_id: 'a' })
    expect(read(undefined)).toEqual({})
  })

  it('a secret without a name, and an assertion that names nobody, are unauthenticated', () => {
    expect(read(undefined, { client_secret: 'b' })).toBe('unauthenticated')
    const unnamed = [
      ...[
        'x',
        '..',
        'e30.e30.x',
        `${part({})}.${part([])}.x`,
        `${part({})}.${part({ iss: 'a', sub: 'b' })}.x`,
      ],
      assertion(key, { id: 'a', aud: 'x' }, { filler: 'x'.repeat(8_192) }),
    ]
    for (const one of unnamed)
      expect([one.slice(0, 60), read(undefined, asserting(one))]).toEqual([
        one.slice(0, 60),
        'unauthenticated',
      ])
  })

  it('an assertion needs its type', () => {
    const { client_assertion, client_assertion_type } = asserting(text)
    for (const wrong of [
      { client_assertion },
      { client_assertion_type },
      { client_assertion, client_assertion_type: 'x' },
    ])
      expect(read(undefined, wrong)).toBe('invalid_input')
  })

  it('one way counts, and one client', () => {
    const secret = { client_id: 'a', client_secret: 'b' }
    expect(read(basic('a:b'), secret)).toBe('invalid_input')
    expect(read(basic('a:'), secret)).toBe('invalid_input')
    expect(read(basic('a:b'), asserting(text))).toBe('invalid_input')
    expect(read(undefined, { ...secret, ...asserting(text) })).toBe('invalid_input')
    expect(read(basic('a:b'), { client_id: 'other' })).toBe('invalid_input')
    expect(read(undefined, { client_id: 'other', ...asserting(text) })).toBe('invalid_input')
  })
})

it('whatever is sent is credentials or a refusal', () => {
  const value = fc.option(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('a', 'b')), {
    nil: undefined,
  })
  const values = fc.record({
    client_id: value,
    client_secret: value,
    client_assertion: value,
    client_assertion_type: value,
  })
  fc.assert(
    fc.property(fc.oneof(headersLike('a', 'b'), fc.string({ unit: 'binary' })), values, (header, sent) => {
      const found = read(header, sent as Record<string, string>)
      if (typeof found === 'string') expect(['unauthenticated', 'invalid_input']).toContain(found)
      else expect(Object.values(found)).not.toContain('')
    }),
  )
})
