import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CSV_HEADER, csvCell, csvLine } from '../../../src/audit/export/csv.ts'
import { eventDocument } from '../../../src/audit/export/json-lines.ts'
import { parseJson } from '../../../src/base/json.ts'
import { poisonParser } from '../../support/poisoned-parser.ts'
import { chainOf } from '../rows.ts'
import { hostileRow } from './hostile-rows.ts'

/** RFC 4180 as a reader has it: the records of a text, absent values as null. */
function parseCsv(text: string): (string | null)[][] {
  const records: (string | null)[][] = []
  let record: (string | null)[] = []
  const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy
  for (let match = cell.exec(text); match; match = cell.exec(text)) {
    const [, quoted, bare, end] = match
    record.push(quoted === undefined ? bare || null : quoted.replaceAll('""', '"'))
    if (end !== ',') {
      records.push(record)
      record = []
    }
    if (cell.lastIndex === text.length) return records
  }
  throw new Error(`not CSV at ${cell.lastIndex}`)
}

/** What docs/audit-log.md tells readers to take off. */
function withoutApostrophe(value: string | null): string | null {
  return value?.replace(/^'(?=['\s]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])/u, '') ?? null
}

describe('CSV', () => {
  it('names its columns in the first record', () => {
    const [header, record] = parseCsv(CSV_HEADER + csvLine(chainOf(1)[0]!))
    expect(header).toHaveLength(20)
    expect(record?.[header!.indexOf('tool')]).toBe('tool_0')
    expect(record?.[header!.indexOf('occurred_at')]).toBe('2026-07-28T00:00:00.000Z')
  })

  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', ' =1', '\r=1', '＝1', "'=1", '=HYPERLINK("http://x")'])(
    'a cell %j is no formula to a spreadsheet',
    (value) => {
      expect(csvCell(value)).toMatch(/^"'/)
    },
  )

  it('tells what is empty from what is absent', () => {
    expect([csvCell(''), csvCell(null)]).toEqual(['""', ''])
  })

  it('every record parses back to what was recorded, and no cell begins as a formula', () => {
    fc.assert(
      fc.property(fc.array(hostileRow, { minLength: 1, maxLength: 3 }), (rows) => {
        const [names, ...records] = parseCsv(CSV_HEADER + rows.map(csvLine).join(''))
        expect(records).toHaveLength(rows.length)
        records.forEach((record, index) => {
          for (const value of record) expect(value ?? '').not.toMatch(/^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/u)
          const text = JSON.stringify(eventDocument(rows[index]!))
          poisonParser(text)
          const document = parseJson(text) as Record<string, unknown>
          const read = Object.fromEntries(names!.map((name, at) => [name, withoutApostrophe(record[at]!)]))
          for (const [name, value] of Object.entries(document)) {
            const text =
              value === null ? null : typeof value === 'object' ? JSON.stringify(value) : String(value)
            expect(read[name]).toBe(text?.toWellFormed() ?? null)
          }
        })
      }),
    )
  })
})
