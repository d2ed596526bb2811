import { type Command, InvalidArgumentError } from 'commander'
import { parseTime, TIME_FORMS } from '../../base/time.ts'

/** A time on the command line. */
export function readTime(text: string): Date {
  const time = parseTime(text)
  if (!time) throw new InvalidArgumentError(`${TIME_FORMS}.`)
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
