import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTime } from '../../src/base/time.ts'

const NOW_MS = Date.UTC(2026, 6, 28, 12)
const read = (text: string) => parseTime(text, NOW_MS)?.toISOString()

describe('a time that somebody wrote', () => {
  it.each([
    ['2026-07-28', '2026-07-28T00:00:00.000Z'],
    ['2026-07-28T10:00', '2026-07-28T10:00:00.000Z'],
    ['2026-07-28 10:00:01', '2026-07-28T10:00:01.000Z'],
    ['2026-07-28T10:00:00.125', '2026-07-28T10:00:00.125Z'],
    ['2026-07-28T10:00:00Z', '2026-07-28T10:00:00.000Z'],
    ['2026-07-28t10:00:00z', '2026-07-28T10:00:00.000Z'],
    ['2026-07-28T10:00:00+02:00', '2026-07-28T08:00:00.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['30m', '2026-07-28T11:30:00.000Z'],
    ['24h', '2026-07-27T12:00:00.000Z'],
    ['7d', '2026-07-21T12:00:00.000Z'],
    ['1w', '2026-07-21T12:00:00.000Z'],
    ['999999s', '2026-07-16T22:13:21.000Z'],
  ])('%s is %s: in UTC where no zone is given, and a duration reaches back', (text, time) => {
    expect(read(text)).toBe(time)
  })

  it.each([
    ...['', 'yesterday', '28.07.2026', '2026', '7', '7x', '-7d', '9999999d', '2026-13-01', '2026-02-31'],
    ...['2026-02-29', '2026-07-28T25:00', '2026-07-28T10:00:00+25:00', '2026-07-28T10', '2026-07-28Z', ' 7d'],
  ])('%j is none', (text) => {
    expect(read(text)).toBeUndefined()
  })

  it('is read again as it was, whatever it is; other text is none, and never fails', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('9999-12-31'), noInvalidDate: true }), (time) => {
        expect(parseTime(time.toISOString())).toEqual(time)
      }),
    )
    const near = fc.stringMatching(/^\d{4}-\d\d-\d\d[T ]?[\d:.]{0,9}[Z+-]?[\d:]{0,5}$/)
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), near), (text) => {
        const time = parseTime(text)
        expect(time === undefined || !Number.isNaN(time.getTime())).toBe(true)
      }),
    )
  })
})
