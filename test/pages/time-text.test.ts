import { describe, expect, it } from 'vitest'
import { distanceText, timeText } from '../../src/pages/time-text.ts'

describe('timeText', () => {
  it('is UTC to the minute', () => {
    expect(timeText(new Date('2026-11-21T23:59:59.999+02:00'))).toBe('2026-11-21 21:59 UTC')
  })
})

describe('distanceText', () => {
  const now = new Date('2026-11-21T12:00:00Z')
  it.each([
    ['2026-11-21T12:00:00Z', 'just now'],
    ['2026-11-21T11:59:01Z', 'just now'],
    ['2026-11-21T11:59:00Z', '1 minute ago'],
    ['2026-11-21T09:00:00Z', '3 hours ago'],
    ['2026-11-19T12:00:01Z', '1 day ago'],
    ['2026-12-20T12:00:00Z', 'in 29 days'],
    ['2026-11-21T12:00:30Z', 'in a moment'],
  ])('%s → %s', (moment, words) => {
    expect(distanceText(new Date(moment), now)).toBe(words)
  })
})
