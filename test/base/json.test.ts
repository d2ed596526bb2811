import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isObject, parseJson } from '../../src/base/json.ts'

describe('parseJson', () => {
  it('gives what the text says, and nothing for a text that is not JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        expect(parseJson(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
    for (const text of ['', '{', "{'a':1}", 'undefined', '1 2', '\ufeff{}'])
      expect(parseJson(text)).toBeUndefined()
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
