import type { Socket } from 'node:net'
import type pg from 'pg'

/**
 * Called for each row of a binary COPY: the bytes from `start` to `end` are one tuple as Postgres sent it. It must copy
 * what it keeps. The socket is read no further until it returns, so that memory has a bound.
 */
export type TakeTuple = (bytes: Buffer, start: number, end: number) => void

/** The part of pg's wire connection that a COPY needs; its types leave it out. */
type Wire = { stream: Socket; query(text: string): void }

type Listener = (chunk: Buffer) => void

type Done = (error: Error | null, rows?: number) => void

const HEADER_BYTES = 5
const COPY_DATA = 0x64
const READY_FOR_QUERY = 0x5a
/** Before the first tuple of a binary COPY: its signature, flags, and an extension of no bytes. */
const PROLOGUE_BYTES = 19
/** −1, where a tuple has the count of its columns, ends a binary COPY. */
const TRAILER_BYTES = 2
const NOTHING = Buffer.alloc(0)

/**
 * Reads the socket in pg's place until Postgres is ready again: rows go to `take`, one to a message, as the protocol
 * promises; all other messages go on to pg. pg's own parser would make an object, a copy and an event of each row,
 * which costs more than hashing it.
 */
class BinaryCopyOut {
  callback: Done
  readonly #text: string
  readonly #take: TakeTuple
  #rows = 0
  #is_first = true
  /** Of a message whose end has not arrived; the first holds its header, if anything does. */
  readonly #parts: Buffer[] = []
  #error: Error | undefined

  constructor(text: string, take: TakeTuple, callback: Done) {
    this.#text = text
    this.#take = take
    this.callback = callback
  }

  submit(wire: Wire): void {
    const { stream } = wire
    const listeners = stream.listeners('data') as Listener[]
    const pass: Listener = (bytes) => {
      for (const listener of listeners) listener.call(stream, bytes)
    }
    const read: Listener = (chunk) => {
      const rest = this.#read(chunk, pass)
      if (!rest) return
      stream.off('data', read)
      for (const listener of listeners) stream.on('data', listener)
      pass(rest)
    }
    for (const listener of listeners) stream.off('data', listener)
    stream.on('data', read)
    wire.query(this.#text)
  }

  handleError(error: Error): void {
    this.#error = error
    // Without a connection there is no ReadyForQuery to wait for.
    this.callback(error)
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.callback(this.#error ?? null, this.#rows)
  }

  /** Answers the bytes from which on pg is to read, or undefined while rows may still come. */
  #read(arrived: Buffer, pass: Listener): Buffer | undefined {
    const chunk = this.#finishMessage(arrived, pass)
    let at = 0
    while (at < chunk.length) {
      if (chunk[at] === READY_FOR_QUERY) return chunk.subarray(at)
      const end = endOfMessage(chunk, at)
      if (end > chunk.length) break
      this.#message(chunk, at, end, pass)
      at = end
    }
    if (at < chunk.length) this.#parts.push(chunk.subarray(at))
    return undefined
  }

  /** Completes the message that earlier chunks began. Answers what comes after it. */
  #finishMessage(arrived: Buffer, pass: Listener): Buffer {
    const [begun] = this.#parts
    if (!begun) return arrived
    if (begun.length < HEADER_BYTES) return Buffer.concat([...this.#parts.splice(0), arrived])
    const had = this.#parts.reduce((sum, { length }) => sum + length, 0)
    const wanted = endOfMessage(begun, 0) - had
    this.#parts.push(arrived.subarray(0, wanted))
    if (arrived.length < wanted) return NOTHING
    const message = Buffer.concat(this.#parts.splice(0))
    this.#message(message, 0, message.length, pass)
    return arrived.subarray(wanted)
  }

  #message(bytes: Buffer, at: number, end: number, pass: Listener): void {
    if (bytes[at] !== COPY_DATA) {
      pass(bytes.subarray(at, end))
      return
    }
    const start = at + HEADER_BYTES + (this.#is_first ? PROLOGUE_BYTES : 0)
    this.#is_first = false
    if (this.#error || end - start <= TRAILER_BYTES) return
    this.#rows += 1
    try {
      this.#take(bytes, start, end)
    } catch (error) {
      this.#error = error as Error
    }
  }
}

/** Where the message that begins at `at` ends; beyond the end of the bytes when not even its length has arrived. */
function endOfMessage(bytes: Buffer, at: number): number {
  return at + HEADER_BYTES > bytes.length ? Number.POSITIVE_INFINITY : at + 1 + bytes.readUInt32BE(at + 1)
}

/**
 * Runs a `copy … to stdout (format binary)`, also as one of several statements of a transaction, and hands over its
 * rows as they come. Answers how many there were. Throws the error of Postgres, of the connection or of `take`.
 */
export function copyOut(client: pg.ClientBase, statements: string, take: TakeTuple): Promise<number> {
  return new Promise((resolve, reject) => {
    const copy = new BinaryCopyOut(statements, take, (error, rows) =>
      error ? reject(error) : resolve(rows ?? 0),
    )
    client.query(copy as never)
  })
}
