/** A moment as people read it, in UTC as the log has it: `2026-11-21 14:03 UTC`. */
export function timeText(moment: Date): string {
  return `${moment.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

const UNITS: readonly [name: Intl.RelativeTimeFormatUnit, seconds: number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]
const WORDS = new Intl.RelativeTimeFormat('en', { numeric: 'always' })

/** How far away a moment is, as words to stand beside it: `3 hours ago`, `in 29 days`, `just now`. */
export function distanceText(moment: Date, now: Date = new Date()): string {
  const seconds = (moment.getTime() - now.getTime()) / 1_000
  for (const [name, unit_seconds] of UNITS)
    if (Math.abs(seconds) >= unit_seconds) return WORDS.format(Math.trunc(seconds / unit_seconds), name)
  return seconds > 0 ? 'in a moment' : 'just now'
}
