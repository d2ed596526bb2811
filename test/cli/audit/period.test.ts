import { describe, expect, it } from 'vitest'
import { readPastTime, readTime } from '../../../src/cli/audit/period.ts'

describe('times on the command line', () => {
  it.each([
    ['2026-07-28', '2026-07-28T00:00:00.000Z'],
    ['2026-07-28T10:00', '2026-07-28T10:00:00.000Z'],
    ['2026-07-28 10:00:01', '2026-07-28T10:00:01.000Z'],
    ['2026-07-28T10:00:00Z', '2026-07-28T10:00:00.000Z'],
    ['2026-07-28T10:00:00+02:00', '2026-07-28T08:00:00.000Z'],
  ])('%s is %s, in UTC where no zone is given', (text, time) => {
    expect(readTime(text).toISOString()).toBe(time)
  })

  it('a duration reaches back from now', () => {
    const before = Date.now()
    const week_ago = readPastTime('7d').getTime()
    expect(week_ago).toBeGreaterThanOrEqual(before - 7 * 86_400_000)
    expect(week_ago).toBeLessThanOrEqual(Date.now() - 7 * 86_400_000)
    expect(readTime('1w').getTime()).toBeGreaterThanOrEqual(week_ago)
  })

  it.each(['', 'yesterday', '28.07.2026', '2026-13-01', '2026-02-31x', '7', '7x', '-7d', '9999999d', '2026'])(
    '%j is refused with what to write',
    (text) => {
      expect(() => readTime(text)).toThrow(/Write a/)
    },
  )
})
