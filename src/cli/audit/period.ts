import { type Command, InvalidArgumentError } from 'commander'

/** Times on the command line. */
const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
}

/** A moment that lies so long ago: `30m`, `24h`, `7d`, `2w`. */
export function readPastTime(duration: string): Date {
  const [, count, unit = ''] = /^(\d{1,6})([smhdw])$/.exec(duration) ?? []
  const unit_ms = UNITS_MS[unit]
  if (count === undefined || unit_ms === undefined)
    throw new InvalidArgumentError('Write a number and s, m, h, d or w, such as 24h or 7d.')
  return new Date(Date.now() - Number(count) * unit_ms)
}

/** A date, a date with a time, or a duration that reaches back from now. A time without a zone is UTC. */
export function readTime(text: string): Date {
  if (/^\d+[a-z]$/.test(text)) return readPastTime(text)
  const has_zone = /(?:z|[+-]\d\d:?\d\d)$/i.test(text)
  const time = new Date(/\d[t ]\d/i.test(text) && !has_zone ? `${text.replace(' ', 'T')}Z` : text)
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(time.getTime()))
    throw new InvalidArgumentError('Write a date, such as 2026-07-28 or 2026-07-28T10:00:00Z, or 7d.')
  return time
}

export function withPeriod(command: Command): Command {
  return command
    .option(
      '--from <time>',
      'only since this time: a date, a date and time, or how long ago, such as 7d',
      readTime,
    )
    .option('--to <time>', 'only before this time', readTime)
}
