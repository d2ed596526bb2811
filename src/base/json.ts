/** JSON, from outside above all, whose members may be anything. */

/** A JSON object: neither null nor a list. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * What the text says; undefined when it is not JSON. `JSON.parse` of V8 13 and 14 (Node 24 and 26) takes a member name that is
 * written with an escape for a name that it met before and that reads as the text does: after `{"\\":1}`, `{"\"":1}` becomes
 * `{"\\":1}`, and after `{"\\u00":1}`, `{"\u006eame":1}` becomes `{"\\u00":1}` (nodejs/node#63785). So a text with such a name is
 * read by hand.
 */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text)
    return hasEscapedName(text) ? readByHand(text) : value
  } catch {
    return undefined
  }
}

/**
 * Whether some reader could read another name than the one that is meant.
 * @param json valid
 */
export function hasEscapedName(json: string): boolean {
  for (let at = json.indexOf('\\'); at >= 0; at = json.indexOf('\\', at)) {
    at = closingQuote(json, at)
    if (isName(json, at)) return true
  }
  return false
}

/** What `walkJson` meets, in the order of the text. */
export type JsonVisitor = {
  open(bracket: '{' | '['): void
  close(): void
  name(name: string): void
  /** A string, a number, `true`, `false` or `null`, as it is written. */
  scalar(written: string): void
}

const SCALAR = /[-+.\w]+/y

/**
 * Tells what stands in a text, also where the value would not show it, and however deep it is nested.
 * @param json valid
 */
export function walkJson(json: string, visitor: JsonVisitor): void {
  for (let at = 0; at < json.length; at++) {
    const char = json.charCodeAt(at)
    // White space, `,` and `:` say nothing; what remains of valid JSON is a number or a word.
    if (char <= 0x20 || char === 0x2c || char === 0x3a) continue
    if (char === 0x7b || char === 0x5b) visitor.open(char === 0x7b ? '{' : '[')
    else if (char === 0x7d || char === 0x5d) visitor.close()
    else if (char === 0x22) {
      const start = at
      at = closingQuote(json, at + 1)
      const written = json.slice(start, at + 1)
      if (isName(json, at)) visitor.name(stringOf(written))
      else visitor.scalar(written)
    } else {
      SCALAR.lastIndex = at
      const [written = json.charAt(at)] = SCALAR.exec(json) ?? []
      visitor.scalar(written)
      at += written.length - 1
    }
  }
}

/** A string alone is read right, whatever its escapes. */
function stringOf(written: string): string {
  return written.includes('\\') ? String(JSON.parse(written)) : written.slice(1, -1)
}

/** @param at within a string, and not behind a backslash */
function closingQuote(json: string, at: number): number {
  let end = at
  for (;;) {
    const char = json.charCodeAt(end)
    if (char === 0x22) return end
    end += char === 0x5c ? 2 : 1
  }
}

function isName(json: string, closing_quote: number): boolean {
  let at = closing_quote + 1
  while (json.charCodeAt(at) <= 0x20) at++
  return json.charCodeAt(at) === 0x3a
}

function readByHand(json: string): unknown {
  const root: unknown[] = []
  const open: object[] = [root]
  let name = ''
  const put = (value: unknown) => {
    const into = open.at(-1)
    if (Array.isArray(into)) into.push(value)
    else if (into && name === '__proto__')
      // Not by assignment: it is a name like any other.
      Object.defineProperty(into, name, { value, writable: true, enumerable: true, configurable: true })
    else if (into) (into as Record<string, unknown>)[name] = value
  }
  walkJson(json, {
    open(bracket) {
      const inner = bracket === '{' ? {} : []
      put(inner)
      open.push(inner)
    },
    close: () => open.pop(),
    name(read) {
      name = read
    },
    scalar: (written) => put(written.startsWith('"') ? stringOf(written) : JSON.parse(written)),
  })
  return root[0]
}
