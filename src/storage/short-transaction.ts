import type { Knex } from 'knex'
import pg from 'pg'
import type { PreparedStatement } from './prepared.ts'

/** The part of pg's wire connection that is needed to send BEGIN along; its types leave it out. */
type Wire = {
  stream: { cork(): void; uncork(): void }
  parse(message: { text: string }): void
  bind(message: object): void
  execute(message: object): void
}

/** In the same write as what follows: nothing is awaited for it, since nothing depends on it. */
function sendBegin(wire: Wire, send_statement: () => void): void {
  wire.stream.cork()
  wire.parse({ text: 'BEGIN' })
  wire.bind({})
  wire.execute({})
  send_statement()
  wire.stream.uncork()
}

type Answer = { rows: unknown[] }

/** Begins a transaction on the connection with a prepared statement, in one round trip, and answers its rows. */
export function beginWith<Row extends pg.QueryResultRow>(
  connection: pg.ClientBase,
  statement: PreparedStatement,
  values: unknown[],
): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    const callback = (error: Error | null, results: Answer[]) =>
      error ? reject(error) : resolve((results.at(-1)?.rows ?? []) as Row[])
    const query = new pg.Query({ ...statement, values }, callback as never)
    const submit = query.submit.bind(query)
    query.submit = (wire) => sendBegin(wire as unknown as Wire, () => submit(wire))
    connection.query(query)
  })
}

/**
 * Lends a connection of the pool to `work`, which begins a transaction on it and says whether it committed. If not, it is
 * rolled back. A connection on which something failed may be out of step, and is closed.
 */
export async function inShortTransaction<T>(
  db: Knex,
  work: (connection: pg.ClientBase) => Promise<{ result: T; is_committed: boolean }>,
): Promise<T> {
  const connection: pg.Client = await db.client.acquireConnection()
  try {
    const { result, is_committed } = await work(connection)
    if (!is_committed) await connection.query('ROLLBACK')
    return result
  } catch (error) {
    await connection.end().catch(() => undefined)
    throw error
  } finally {
    // The pool drops what has ended.
    await db.client.releaseConnection(connection)
  }
}
