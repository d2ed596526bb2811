import type { Knex } from 'knex'
import type pg from 'pg'

/** The values of rows column by column, as `unnest` takes them. */
export function columnsOf<Row>(rows: readonly Row[], ...names: (keyof Row)[]): unknown[][] {
  return names.map((name) => rows.map((row) => row[name]))
}

/** A statement that each connection parses and plans once. The name must stand for this text alone. */
export type PreparedStatement = { name: string; text: string }

/**
 * Runs a prepared statement on a connection of the pool, or on that of the transaction. knex parses and plans a
 * statement anew for every call, which for a statement of many joins costs more than to run it.
 */
export async function runPrepared<Row extends pg.QueryResultRow>(
  db: Knex,
  statement: PreparedStatement,
  values: unknown[],
): Promise<Row[]> {
  const connection: pg.ClientBase = await db.client.acquireConnection()
  try {
    return (await connection.query<Row>({ ...statement, values })).rows
  } finally {
    // Of a transaction's connection, knex lets go at its end only.
    await db.client.releaseConnection(connection)
  }
}
