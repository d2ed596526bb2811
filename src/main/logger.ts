import { type DestinationStream, destination, type Level, type Logger, pino } from 'pino'
import { withoutSecrets } from '../base/redaction.ts'

/** The server's log, as JSON lines. Whatever looks like a bearer secret is left out of each, wherever it came from. */
export function createLogger(
  level: Level | 'silent',
  to: DestinationStream = destination({ sync: true }),
): Logger {
  return pino({ level, base: null }, { write: (line: string) => to.write(withoutSecrets(line)) })
}
