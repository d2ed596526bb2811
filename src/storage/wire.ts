import pg from 'pg'
import type { PreparedStatement } from './prepared.ts'

/**
 * What Postgres' protocol allows and pg has no function for: rows in binary COPY, in both directions, and BEGIN in the
 * write of the statement after it. This is the only file that knows how pg speaks to its connection.
 */
type Wire = {
  stream: { cork(): void; uncork(): void; pause(): void; resume(): void }
  parse(message: { text: string }): void
  bind(message: object): void
  execute(message: object): void
  sendCopyFromChunk(chunk: Buffer): void
  endCopyFrom(): void
}

/** The part of pg's own query that its types leave out. */
type WireQuery = {
  submit(wire: Wire): void
  handleCopyInResponse(): void
  handleCopyData(message: { chunk: Buffer }, wire: Wire): void
}

/** After so many rows of a COPY, whatever else the process has to do gets its turn. */
const ROWS_AT_ONCE = 1_000

/** Called for each row of a binary COPY, as Postgres sent it. It must copy what it keeps. */
export type TakeTuple = (tuple: Buffer) => void

/** Begins every binary COPY: its signature, no flags, no extension. */
const HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
/** −1, where a row has the count of its columns, ends it. */
const TRAILER = Buffer.from([0xff, 0xff])

/** Runs a query of pg's that `adapt` has changed, and answers the results of all its statements. */
function run(
  client: pg.ClientBase,
  config: string | pg.QueryConfig,
  adapt: (query: WireQuery) => void,
): Promise<pg.QueryResult[]> {
  return new Promise((resolve, reject) => {
    const callback = (error: Error | null, results: pg.QueryResult | pg.QueryResult[]) =>
      error ? reject(error) : resolve([results].flat())
    const query = new pg.Query(config as pg.QueryConfig, callback as never)
    adapt(query as never)
    client.query(query)
  })
}

/** Sends in one write what the query sends, and what comes before and after it: nothing is awaited in between. */
function sendWith(
  query: WireQuery,
  { before, after }: { before?: (wire: Wire) => void; after?: (wire: Wire) => void },
) {
  const submit = query.submit.bind(query)
  query.submit = (wire) => {
    wire.stream.cork()
    before?.(wire)
    submit(wire)
    after?.(wire)
    wire.stream.uncork()
  }
}

/** Begins a transaction on the connection with a prepared statement, in one round trip, and answers its rows. */
export async function beginWith<Row extends pg.QueryResultRow>(
  client: pg.ClientBase,
  statement: PreparedStatement,
  values: unknown[],
): Promise<Row[]> {
  const begin = (wire: Wire) => {
    wire.parse({ text: 'BEGIN' })
    wire.bind({})
    wire.execute({})
  }
  const results = await run(client, { ...statement, values }, (query) => sendWith(query, { before: begin }))
  return (results.at(-1)?.rows ?? []) as Row[]
}

/**
 * Rows in Postgres' binary COPY format, sent together with the command and not after Postgres has asked for them:
 * one round trip, and the cheapest way for Postgres to take many rows. A copy that fails on its way is read to its
 * end and dropped by Postgres, so that the connection stays in step.
 */
function sendRows(client: pg.ClientBase, statements: string, tuples: Buffer): Promise<pg.QueryResult[]> {
  const rows = (wire: Wire) => {
    for (const chunk of [HEADER, tuples, TRAILER]) wire.sendCopyFromChunk(chunk)
    wire.endCopyFrom()
  }
  return run(client, statements, (query) => {
    query.handleCopyInResponse = () => {}
    sendWith(query, { after: rows })
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
  const [copied] = await sendRows(client, copyStatement(table, columns), tuples)
  return copied?.rowCount ?? 0
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
  const [copied, ended] = await sendRows(client, `${copyStatement(table, columns)}; COMMIT`, tuples)
  if (ended?.command !== 'COMMIT') throw new Error('COMMIT was answered by a rollback')
  return copied?.rowCount ?? 0
}

/**
 * Runs `copy (query) to stdout` and hands over its rows as they come. The socket is read no faster than `take` returns,
 * so that memory has a bound. Answers how many there were. Throws the error of Postgres, of the connection or of `take`.
 */
export async function copyOut(client: pg.ClientBase, query: string, take: TakeTuple): Promise<number> {
  let prologue = HEADER.length
  let rows = 0
  let failure: unknown
  await run(client, `copy (${query}) to stdout (format binary)`, (copy) => {
    // One row to a message, as the protocol promises; before the first comes the header.
    copy.handleCopyData = ({ chunk }, { stream }) => {
      const tuple = prologue > 0 ? chunk.subarray(prologue) : chunk
      prologue = 0
      if (failure !== undefined || tuple.length <= TRAILER.length) return
      rows += 1
      if (rows % ROWS_AT_ONCE === 0) {
        stream.pause()
        setImmediate(() => stream.resume())
      }
      try {
        take(tuple)
      } catch (error) {
        failure = error
      }
    }
  })
  if (failure !== undefined) throw failure
  return rows
}
