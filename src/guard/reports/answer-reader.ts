import { parseJson } from '../../base/json.ts'

/** Reads the JSON-RPC messages in an answer as it goes by: one JSON body, or the events of an SSE stream. */
export type AnswerReader = {
  write(chunk: Uint8Array): void
  /** After the last piece. */
  end(): void
  /** Not everything could be read: too large, in an encoding, or of another media type. */
  readonly is_partial: boolean
}

/** Of one JSON body, or of one event. What is larger is counted and not kept. */
const KEPT_CHARS_MAX = 1024 * 1024

type Header = { get(name: string): string | null }

/** @param hear gets each message; what is no JSON is none */
export function readAnswer(headers: Header, hear: (message: unknown) => void): AnswerReader {
  const type = (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  const is_plain = (headers.get('content-encoding') ?? 'identity') === 'identity'
  if (is_plain && type === 'text/event-stream') return new EventReader(hear)
  return new BodyReader(hear, is_plain && type === 'application/json')
}

function hearText(text: string, hear: (message: unknown) => void): void {
  const value = parseJson(text)
  if (value === undefined) return
  for (const message of Array.isArray(value) ? value : [value]) hear(message)
}

class BodyReader implements AnswerReader {
  readonly #decoder = new TextDecoder()
  readonly #hear: (message: unknown) => void
  #text = ''
  #is_partial: boolean

  constructor(hear: (message: unknown) => void, is_json: boolean) {
    this.#hear = hear
    this.#is_partial = !is_json
  }

  get is_partial(): boolean {
    return this.#is_partial
  }

  write(chunk: Uint8Array): void {
    if (this.#is_partial) return
    this.#text += this.#decoder.decode(chunk, { stream: true })
    if (this.#text.length <= KEPT_CHARS_MAX) return
    this.#is_partial = true
    this.#text = ''
  }

  end(): void {
    if (!this.#is_partial) hearText(this.#text + this.#decoder.decode(), this.#hear)
  }
}

/** WHATWG HTML §9.2.6. An event that no blank line ends is none. */
class EventReader implements AnswerReader {
  readonly #decoder = new TextDecoder()
  readonly #hear: (message: unknown) => void
  #line = ''
  #data: string[] = []
  #kept_chars = 0
  #is_large = false
  #after_return = false
  is_partial = false

  constructor(hear: (message: unknown) => void) {
    this.#hear = hear
  }

  write(chunk: Uint8Array): void {
    let text = this.#decoder.decode(chunk, { stream: true })
    if (text === '') return
    // A line may end in CR LF, and a piece between the two.
    if (this.#after_return && text.startsWith('\n')) text = text.slice(1)
    this.#after_return = text.endsWith('\r')
    const [first = '', ...others] = text.split(/\r\n|\r|\n/)
    this.#append(first)
    for (const next of others) {
      this.#endLine()
      this.#append(next)
    }
  }

  end(): void {}

  #append(text: string): void {
    this.#kept_chars += text.length
    if (this.#kept_chars > KEPT_CHARS_MAX) this.#dropEvent()
    this.#line = this.#is_large && this.#line !== '' ? 'x' : this.#line + text
  }

  #endLine(): void {
    const line = this.#line
    this.#line = ''
    if (line === '') this.#endEvent()
    else if (line.startsWith('data:') && !this.#is_large) this.#data.push(line.slice(5).replace(/^ /, ''))
  }

  #endEvent(): void {
    if (this.#data.length > 0) hearText(this.#data.join('\n'), this.#hear)
    this.#data = []
    this.#kept_chars = 0
    this.#is_large = false
  }

  #dropEvent(): void {
    this.is_partial = true
    this.#is_large = true
    this.#data = []
  }
}
