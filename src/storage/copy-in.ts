import type pg from 'pg'

/** The part of pg's wire connection that a COPY needs; its types leave it out. */
type Wire = {
  stream: { cork(): void; uncork(): void }
  query(text: string): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}

type Copied = { rows: number; last_command: string }
/** pg passes on two arguments and no more. */
type Callback = (error: Error | null, copied?: Copied) => void

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
  #last_command = ''
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
    const rows = /^COPY (\d+)$/.exec(text)?.[1]
    if (rows !== undefined) this.#rows = Number(rows)
    this.#last_command = text
  }

  handleError(error: Error): void {
    this.#error = error
    // Without a connection there is no ReadyForQuery to wait for.
    this.callback(error)
  }

  handleReadyForQuery(): void {
    if (!this.#error) this.callback(null, { rows: this.#rows, last_command: this.#last_command })
  }
}

function run(client: pg.ClientBase, text: string, tuples: Buffer): Promise<Copied> {
  return new Promise((resolve, reject) => {
    const copy = new BinaryCopy(text, tuples, (error, copied) => (copied ? resolve(copied) : reject(error)))
    client.query(copy as never)
  })
}

function copyStatement(table: string, columns: readonly string[]): string {
  return `copy ${table} (${columns.join(', ')}) from stdin (format binary)`
}

/** Copies the rows into the table and answers how many Postgres took. Throws its error, or that of the connection. */
export async function copyIn(
  client: pg.ClientBase,
  table: string,
  columns: readonly string[],
  tuples: Buffer,
): Promise<number> {
  return (await run(client, copyStatement(table, columns), tuples)).rows
}

/**
 * The same, and commits the transaction that the connection is in, in the same round trip. When the copy fails,
 * Postgres skips the commit. An error that is not its own leaves open whether it committed.
 */
export async function copyInAndCommit(
  client: pg.ClientBase,
  table: string,
  columns: readonly string[],
  tuples: Buffer,
): Promise<number> {
  const { rows, last_command } = await run(client, `${copyStatement(table, columns)}; COMMIT`, tuples)
  if (last_command !== 'COMMIT') throw new Error('COMMIT was answered by a rollback')
  return rows
}
