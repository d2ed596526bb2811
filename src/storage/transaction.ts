import type { Knex } from 'knex'

/**
 * Begin and commit that tell the truth. knex hands out a transaction even when its BEGIN failed, and its
 * `commit()` resolves even when COMMIT failed; only `executionPromise` knows.
 */

type Answered = { response?: { command?: string } } | undefined

/** A transaction that has begun. Throws what BEGIN threw, or what kept the pool from giving a connection. */
export async function begin(db: Knex): Promise<Knex.Transaction> {
  const transaction = await db.transaction()
  if (transaction.isCompleted()) await transaction.executionPromise
  return transaction
}

/** Resolves when Postgres said that it committed. Any error leaves open whether it did. */
export async function commit(transaction: Knex.Transaction): Promise<void> {
  const [answered] = await Promise.all([
    transaction.commit() as Promise<unknown>,
    transaction.executionPromise,
  ])
  // A transaction with a failed statement ends in a rollback that Postgres does not call an error.
  if ((answered as Answered)?.response?.command !== 'COMMIT')
    throw new Error('COMMIT was answered by a rollback')
}

/** Ends a transaction that may have ended. A connection that cannot say so any more rolls back by itself. */
export async function rollBack(transaction: Knex.Transaction): Promise<void> {
  if (!transaction.isCompleted()) await transaction.rollback().catch(() => undefined)
}

/** Runs `work` in a transaction of its own, which `end` commits; whatever either throws rolls back. */
export async function inTransaction<T>(
  db: Knex,
  work: (trx: Knex.Transaction) => Promise<T>,
  end: (trx: Knex.Transaction, result: T) => Promise<void> = commit,
): Promise<T> {
  const transaction = await begin(db)
  try {
    const result = await work(transaction)
    await end(transaction, result)
    return result
  } catch (error) {
    await rollBack(transaction)
    throw error
  }
}
