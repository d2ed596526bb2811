// Control characters steer terminals; format characters are invisible or change the direction of what follows.
const UNFIT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** What another server said, fit for a terminal: a `�` in place of whatever steers it, hides, or turns text round. */
export function terminalText(text: string): string {
  return text.toWellFormed().replace(UNFIT, '�')
}
