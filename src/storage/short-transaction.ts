import type { Knex } from 'knex'
import type pg from 'pg'

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
