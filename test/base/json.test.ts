import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hasEscapedName, isObject, parseJson } from '../../src/base/json.ts'
import { poisonParser } from '../support/poisoned-parser.ts'

type Spelling = (unit: string) => string

const spellings: Spelling[] = [
  (unit) => JSON.stringify(unit).slice(1, -1),
  (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  (unit) => `\\u${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`,
  (unit) => (unit === '/' ? '\\/' : JSON.stringify(unit).slice(1, -1)),
]

/** Writes the value with its strings spelled in turn as `ways` says, and blanks where JSON allows them. */
function write(value: unknown, ways: readonly Spelling[], space: string): string {
  let turn = 0
  const string = (text: string) =>
    `"${Array.from({ length: text.length }, (_, at) => ways[turn++ % ways.length]!(text.charAt(at))).join('')}"`
  const any = (inner: unknown): string => {
    if (typeof inner === 'string') return string(inner)
    if (Array.isArray(inner)) return `[${inner.map(any).join(`${space},`)}]`
    if (typeof inner !== 'object' || inner === null) return JSON.stringify(inner)
    const members = Object.entries(inner).map(([name, member]) => `${string(name)}${space}:${any(member)}`)
    return `{${space}${members.join(`,${space}`)}}`
  }
  return any(value)
}

const value = fc.jsonValue({ stringUnit: 'binary' })
const ways = fc.array(fc.constantFrom(...spellings), { minLength: 1, maxLength: 7 })
const space = fc.constantFrom('', ' ', '\n\t', '\r\n')

describe('parseJson', () => {
  it.each([
    ['"\\""', { '"': 1 }],
    ['"\\n"', { '\n': 1 }],
    ['"\\u006eame"', { name: 1 }],
    ['"\\"x"', { '"x': 1 }],
    ['"a\\/b"', { 'a/b': 1 }],
    ['"\\\\"', { '\\': 1 }],
  ])('reads the name %s right after the engine met what it could take it for', (name, expected) => {
    const shapes = [
      `{${name}:1}`,
      `{"met before":1,${name}:1}`,
      `[{"in a list":1,${name}:1},{"in a list":1,${name}:1}]`,
    ]
    for (const text of shapes) {
      poisonParser(text)
      const read = [parseJson(text)].flat()
      for (const { 'met before': _, 'in a list': __, ...others } of read as Record<string, number>[])
        expect(others).toEqual(expected)
    }
  })

  it('reads any value, however it is written, in the order in which it was written', () => {
    fc.assert(
      fc.property(value, ways, space, (written, ways, space) => {
        const text = write(written, ways, space)
        poisonParser(text)
        expect(JSON.stringify(parseJson(text))).toBe(JSON.stringify(written))
      }),
      { numRuns: 1_000 },
    )
  })

  it('is JSON.parse for every text without an escaped name', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        if (!/\\.*":/.test(text)) expect(parseJson(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  it('reads members as JSON.parse does: the last of one name counts, and __proto__ is a name like any other', () => {
    const read = parseJson('{"a":1,"b":[{}],"\\u0061":2,"\\u005f_proto__":{"x":1}}') as object
    expect(JSON.stringify(read)).toBe('{"a":2,"b":[{}],"__proto__":{"x":1}}')
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype)
  })

  it('is undefined for what is no JSON', () => {
    for (const text of [
      '',
      '{',
      "{'a':1}",
      'undefined',
      '1 2',
      '\ufeff{}',
      '{"\\u0061":1',
      '{"\\u00":1}',
      '{"\\a":1}',
      '"\\',
      '{"a\\":1}',
    ])
      expect(parseJson(text)).toBeUndefined()
  })

  it('reads what is nested deeply', () => {
    expect(parseJson(`${'[{"\\"":'.repeat(100_000)}1${'}]'.repeat(100_000)}`)).toMatchObject([{}])
  })
})

describe('hasEscapedName', () => {
  it.each([
    ['{"\\"":1}', true],
    ['{"a":"\\\\","b\\n" : 1}', true],
    ['["\\\\","\\":",{"a":"\\""}]', false],
    ['{"a":"\\u0061\\":1"}', false],
    ['"\\":"', false],
    ['{}', false],
  ])('%s: %s', (text, has) => {
    expect(hasEscapedName(text)).toBe(has)
  })
})

describe('isObject', () => {
  it('is true of JSON objects alone', () => {
    expect([{}, { a: 1 }, JSON.parse('{"__proto__":1}'), Object.create(null)].map(isObject)).toEqual(
      Array(4).fill(true),
    )
    expect([null, undefined, [], [{}], 'x', 1, true, () => 1].map(isObject)).toEqual(Array(8).fill(false))
  })
})
