import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readJson } from '../../src/guard/json-text.ts'
import { Refusal } from '../../src/guard/refusal.ts'
import { poisonParser } from '../support/poisoned-parser.ts'

function codeOf(text: string): unknown {
  try {
    readJson(text)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return (error.answer.body.error as { code: number }).code
  }
  return undefined
}

describe('readJson', () => {
  it('reads whatever JSON.stringify writes, as it was', () => {
    // A number that is no number here, and a name that other readers take for a prototype, are told of below.
    const isPlain = (value: unknown) => !JSON.stringify(value).includes('__proto__')
    fc.assert(
      fc.property(fc.jsonValue().filter(isPlain), fc.constantFrom(0, 1, '\t'), (value, space) => {
        const text = JSON.stringify(value, null, space)
        poisonParser(text)
        expect(JSON.stringify(readJson(text))).toBe(JSON.stringify(value))
      }),
    )
  })

  it.each([
    ['{"method":"a","method":"b"}'],
    ['{"method":"a","\\u006dethod":"b"}'],
    ['{"a\\"b":1,"a\\u0022b":2}'],
    ['[{"id":1,"id":1}]'],
    ['{"params":{"arguments":[[{"x":1, "y":{}, "x" :2}]]}}'],
    ['{"":1,"":2}'],
  ])('refuses a member that is named twice, however it is written: %s', (text) => {
    expect(codeOf(text)).toBe(-32600)
  })

  it.each([
    ['{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}', { a: { a: { a: 1 } }, b: [{ a: 1 }, { a: 2 }] }],
    ['{"a":"a","b":"a"}', { a: 'a', b: 'a' }],
    ['{"a":"{\\"a\\":1,\\"a\\":2}"}', { a: '{"a":1,"a":2}' }],
    ['{"\\u006dethod":"a"}', { method: 'a' }],
    ['["a","a"]', ['a', 'a']],
    ['{"a\\\\":1,"a":2}', { 'a\\': 1, a: 2 }],
  ])('reads the same name in different places: %s', (text, value) => {
    expect(readJson(text)).toEqual(value)
  })

  it('refuses a name twice in any place where it adds it', () => {
    const name = fc.string({ unit: 'binary', maxLength: 4 })
    fc.assert(
      fc.property(fc.array(name, { maxLength: 5 }), name, fc.nat(), (names, twice, place) => {
        const members = [...new Set(names.filter((each) => each !== twice)), twice].map(
          (each) => `${JSON.stringify(each)}:"${'x'.repeat(place % 3)}"`,
        )
        members.splice(place % members.length, 0, `${escaped(twice)}:{}`)
        expect(codeOf(`{${members.join(',')}}`)).toBe(-32600)
      }),
    )
  })

  it('refuses __proto__, and numbers that are none here', () => {
    for (const text of [
      '{"__proto__":{}}',
      '{"a":{"\\u005f_proto__":1}}',
      '1e999',
      '[-1e999]',
      `1${'0'.repeat(400)}`,
    ])
      expect(codeOf(text)).toBe(-32600)
    for (const text of ['1e99', '-0', '0.5', '12345678901234567890', '"1e999"', '"__proto__"'])
      expect(codeOf(text)).toBeUndefined()
  })

  it('refuses what is no JSON, and a nesting that would overflow a stack', () => {
    for (const text of ['', '{', '\ufeff{}', '{"a":1,}', 'NaN', "{'a':1}", '{a:1}', '// x\n{}', '01'])
      expect(codeOf(text)).toBe(-32700)
    expect(codeOf('['.repeat(128) + ']'.repeat(128))).toBeUndefined()
    expect(codeOf('['.repeat(129) + ']'.repeat(129))).toBe(-32600)
    expect(codeOf(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`)).toBe(-32600)
  })
})

/** The name with every unit written as an escape. */
function escaped(name: string): string {
  const units = Array.from({ length: name.length }, (_, at) =>
    name.charCodeAt(at).toString(16).padStart(4, '0'),
  )
  return `"${units.map((unit) => `\\u${unit}`).join('')}"`
}
