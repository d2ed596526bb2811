import fc from 'fast-check'
import { expect, it } from 'vitest'
import { jsonLine } from '../../../src/audit/export/json-lines.ts'
import { parseJson } from '../../../src/base/json.ts'
import { poisonParser } from '../../support/poisoned-parser.ts'
import { chainOf } from '../rows.ts'
import { hostileRow } from './hostile-rows.ts'

it('an event is one line with all its columns, hashes as hex', () => {
  const [row] = chainOf(1)
  const line = jsonLine({ ...row!, tool: null })
  expect(JSON.parse(line)).toMatchObject({ seq: 1, tool: null, hash: row!.hash.toString('hex') })
  expect(Object.keys(JSON.parse(line))).toHaveLength(20)
})

it('every line parses back to what was recorded, whatever that is', () => {
  fc.assert(
    fc.property(hostileRow, (row) => {
      const line = jsonLine(row)
      expect(line.indexOf('\n')).toBe(line.length - 1)
      const { prev_hash, hash, occurred_at, ...texts } = row
      poisonParser(line)
      expect(parseJson(line)).toEqual({
        ...(parseJson(JSON.stringify(texts)) as object),
        occurred_at: occurred_at.toISOString(),
        prev_hash: prev_hash.toString('hex'),
        hash: hash.toString('hex'),
      })
    }),
  )
})
