/** JSON as a loose reader takes it: members in order and as often as they stand there. */
export type Loose = string | number | boolean | null | Loose[] | { entries: [name: string, value: Loose][] }

/**
 * Reads JSON with a byte order mark, comments, trailing commas, single quotes, bare names and whatever follows its end.
 * Undefined for what even that does not make JSON.
 */
export function readLoosely(text: string): Loose | undefined {
  try {
    return new LooseReader(text).value()
  } catch {
    return undefined
  }
}

const SPACE = /(?:[\s\ufeff]|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y
const WORD = /[\p{L}\p{N}_$.+-]+/uy
const WORDS: Record<string, Loose> = { true: true, false: false, null: null, None: null, True: true }

class LooseReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(): Loose {
    const char = this.#peek()
    if (char === '{') return this.#object()
    if (char === '[') return this.#list()
    if (char === '"' || char === "'") return this.#string(char)
    const word = this.#match(WORD)
    if (word === '') throw new Error('not JSON')
    return word in WORDS ? (WORDS[word] as Loose) : Number.isNaN(Number(word)) ? word : Number(word)
  }

  #object(): Loose {
    const entries: [string, Loose][] = []
    this.#at++
    while (this.#peek() !== '}') {
      const name = String(this.value())
      if (this.#peek() !== ':') throw new Error('not JSON')
      this.#at++
      entries.push([name, this.value()])
      if (this.#peek() === ',') this.#at++
    }
    this.#at++
    return { entries }
  }

  #list(): Loose {
    const items: Loose[] = []
    this.#at++
    while (this.#peek() !== ']') {
      items.push(this.value())
      if (this.#peek() === ',') this.#at++
    }
    this.#at++
    return items
  }

  #string(quote: string): string {
    const start = ++this.#at
    while (this.#text[this.#at] !== quote) {
      if (this.#at >= this.#text.length) throw new Error('not JSON')
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1
    }
    return this.#text
      .slice(start, this.#at++)
      .replace(/\\u([\da-f]{4})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
      .replace(/\\(.)/g, '$1')
  }

  /** The next character that means something; undefined at the end, which no value begins with. */
  #peek(): string {
    this.#match(SPACE)
    const char = this.#text[this.#at]
    if (char === undefined) throw new Error('not JSON')
    return char
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const [found = ''] = pattern.exec(this.#text) ?? []
    this.#at += found.length
    return found
  }
}
