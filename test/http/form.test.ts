import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { parseForm } from '../../src/http/form.ts'

const faultOf = (text: string, multiple?: string[]) => {
  try {
    parseForm(text, multiple)
  } catch (error) {
    if (error instanceof AppError) return `${error.code}: ${error.message}`
    throw error
  }
  return undefined
}

describe('parseForm', () => {
  it('reads back whatever a browser encodes', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 }).filter((value) => !value.includes('\0'))
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name }), (pairs) => {
        const form = parseForm(new URLSearchParams(pairs).toString())
        for (const [name, value] of pairs) expect(form.get(name)).toBe(value)
        expect(form.names()).toEqual(pairs.map(([name]) => name))
      }),
    )
  })

  it('gives a form or an AppError for any text at all', () => {
    const piece = fc.constantFrom(
      'a',
      '=',
      '&',
      '%',
      '%0',
      '%00',
      '%ff',
      '%C3%A9',
      '+',
      '__proto__',
      '\0',
      '\ud800',
    )
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece).map((pieces) => pieces.join('')),
    )
    fc.assert(
      fc.property(text, (body) => {
        const fault = faultOf(body)
        if (fault !== undefined) expect(fault).toMatch(/^invalid_input: /)
      }),
    )
  })

  it.each(['a=1&a=2', 'a=1&a=1', 'a=&a=1', 'a&a', '%61=1&a=2', '__proto__=1&__proto__=2', '=1&=2'])(
    'refuses the doubled parameter in %s',
    (body) => {
      expect(faultOf(body)).toMatch(/^invalid_input: .* more than once$/)
    },
  )

  it('names the doubled parameter, but never repeats what may be a secret', () => {
    expect(faultOf('resource=a&resource=b')).toContain('resource')
    expect(faultOf('tgp_S3cret&tgp_S3cret')).not.toContain('S3cret')
  })

  it('lets the names that are declared to be lists come more than once, in order', () => {
    const form = parseForm('scope=b&csrf=x&scope=a', ['scope'])
    expect(form.all('scope')).toEqual(['b', 'a'])
    expect(form.toObject()).toEqual({ scope: ['b', 'a'], csrf: 'x' })
    expect(parseForm('scope=b', ['scope']).toObject()).toEqual({ scope: ['b'] })
    expect(parseForm('', ['scope']).all('scope')).toEqual([])
  })

  it('treats a parameter without a value as omitted', () => {
    const form = parseForm('a=&b&c=1&&')
    expect([form.get('a'), form.get('b'), form.get('c')]).toEqual([undefined, undefined, '1'])
    expect([form.has('a'), form.has('c')]).toEqual([false, true])
  })

  it.each(['a=%', 'a=%4', 'a=%zz', '%=1', 'a=%ff', 'a=%c3%28', 'a=%ed%a0%80', 'a=%c0%af'])(
    'refuses the wrong encoding %s',
    (body) => {
      expect(faultOf(body)).toBe('invalid_input: The form is not valid percent-encoded UTF-8')
    },
  )

  it.each(['a=%00', 'a%00b=1', 'a=\0'])('refuses NUL in %j', (body) => {
    expect(faultOf(body)).toBe('invalid_input: The form holds a NUL character')
  })

  it('is not confused by names of the object prototype', () => {
    const form = parseForm('constructor=1&toString=2&__proto__=3')
    expect(form.get('__proto__')).toBe('3')
    expect(form.get('hasOwnProperty')).toBeUndefined()
    expect(Object.getPrototypeOf(form.toObject())).toBe(Object.prototype)
  })
})
