/** A JSON string; as a member's name when a colon follows. */
const STRING = /"((?:[^"\\]|\\.)*)"(\s*:)?/g

/**
 * Lets the engine meet what it may take the escaped names of `text` for (nodejs/node#63785). From now on `JSON.parse` of
 * Node 24 and 26 may misread them; on an engine without that fault nothing happens.
 */
export function poisonParser(text: string): void {
  JSON.parse(
    text.replace(STRING, (string, written: string, colon?: string) => {
      if (colon === undefined || !written.includes('\\')) return string
      const { length } = String(JSON.parse(`"${written}"`))
      return `${JSON.stringify(written.slice(0, length))}${colon}`
    }),
  )
}
