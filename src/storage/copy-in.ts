import type pg from 'pg'

/** The part of pg's wire connection that a COPY needs; its types leave it out. */
type Wire = {
  stream: { cork(): void; uncork(): void }
  query(text: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}

type Callback = (error: Error | null, rows?: number) => void

/** Begins every binary COPY: its signature, no flags, no extension. */
const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
const TRAILER = Buffer.from([0xff, 0xff])

/**
 * Rows in Postgres' binary COPY format, sent together with the command and not after Postgres has asked for them:
 * one round trip, and the cheapest way for Postgres to take many rows. A copy that fails on its way is read to its
 * end and dropped by Postgres, so that the connection stays in step.
 */
class BinaryCopy {
  callback: Callback
  readonly #text: string
  readonly #tuples: Buffer
  #rows = 0
  #error: Error | undefined

  constructor(text: string, tuples: Buffer, callback: Callback) {
    this.#text = text
    this.#tuples = tuples
    this.callback = callback
  }

  submit(wire: Wire): void {
    wire.stream.cork()
    wire.query(this.#text)
    wire.sendCopyFromChunk(HEADER)
    wire.sendCopyFromChunk(this.#tuples)
    wire.sendCopyFromChunk(TRAILER)
    wire.endCopyFrom()
    wire.stream.uncork()
  }

  handleCopyInResponse(): void {}

  handleCommandComplete({ text }: { text: string }): void {
    this.#rows = Number(/^COPY (\d+)$/.exec(text)?.[1])
  }

  handleError(error: Error): void {
    this.#error = error
    // Without a connection there is no ReadyForQuery to wait for.
    this.callback(error)
  }

  handleReadyForQuery(): void {
    if (!this.#error) this.callback(null, this.#rows)
  }
}

/** Copies the rows into the table and answers how many Postgres took. Throws its error, or that of the connection. */
export function copyIn(
  client: pg.ClientBase,
  table: string,
  columns: readonly string[],
  tuples: Buffer,
): Promise<number> {
  const text = `copy ${table} (${columns.join(', ')}) from stdin (format binary)`
  return new Promise((resolve, reject) => {
    client.query(
      new BinaryCopy(text, tuples, (error, rows) => (error ? reject(error) : resolve(rows ?? 0))) as never,
    )
  })
}
