/** A moment as people and programs write it. */

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
}

const AGO = /^(\d{1,6})([smhdw])$/
const MOMENT = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)(Z|[+-]\d\d:\d\d)?)?$/i

/** How a moment is written, for whoever wrote it otherwise. */
export const TIME_FORMS =
  'Write a date, such as 2026-07-28 or 2026-07-28T10:00:00Z, or how long ago, such as 7d'

/**
 * Reads a date, a date with a time, or a duration that reaches back from now, such as `30m`, `24h` or `7d`. A time
 * without a zone is UTC. Undefined for what is none of these.
 */
export function parseTime(text: string, now_ms = Date.now()): Date | undefined {
  const [, count, unit = ''] = AGO.exec(text) ?? []
  if (count !== undefined) return new Date(now_ms - Number(count) * (UNITS_MS[unit] ?? 0))
  const [, date, clock = '00:00', zone = 'Z'] = MOMENT.exec(text) ?? []
  // The 31st of a short month would be read as the first of the next.
  if (date === undefined || !isDay(date)) return undefined
  const time = new Date(`${date}T${clock}${zone.toUpperCase()}`)
  return Number.isNaN(time.getTime()) ? undefined : time
}

function isDay(date: string): boolean {
  const day = new Date(date)
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(date)
}
