import fc from 'fast-check'
import { expect, it } from 'vitest'
import { canonicalJson } from '../../src/base/canonical-json.ts'
import { parseJson } from '../../src/base/json.ts'

it('writes the example of RFC 8785 §3.2.2 and §3.2.3 as the RFC does', () => {
  const value = JSON.parse(`{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
    "literals": [null, true, false]
  }`)
  expect(canonicalJson(value)).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
      '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  )
  const names = ['€', '\r', '\ufb33', '1', '😀', '\u0080', 'ö']
  expect(canonicalJson(Object.fromEntries(names.map((name) => [name, 0])))).toBe(
    '{"\\r":0,"1":0,"\u0080":0,"ö":0,"€":0,"😀":0,"\ufb33":0}',
  )
})

it('is one text for one value, and says all of it, in whatever order its members came', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      // What JSON cannot say, such as -0, has been read and written once.
      const read = parseJson(JSON.stringify(value))
      expect(parseJson(canonicalJson(read))).toEqual(read)
      expect(canonicalJson(reversed(read))).toBe(canonicalJson(read))
    }),
  )
})

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([name, member]) => [name, reversed(member)]),
  )
}
