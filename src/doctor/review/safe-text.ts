import { terminalText } from '../probe/terminal-text.ts'

const SHOWN_CHARS_MAX = 400

/**
 * What another server said, fit for a terminal and for a file that is passed on: no control characters, no text that runs
 * backwards, no secrets, and no more than 400 characters.
 */
export function safeText(text: string, secrets: Iterable<string>): string {
  let safe = text
  for (const secret of secrets) if (secret !== '') safe = safe.replaceAll(secret, '[a token]')
  const shown = terminalText(safe)
  return shown.length > SHOWN_CHARS_MAX ? `${shown.slice(0, SHOWN_CHARS_MAX)}…` : shown
}
