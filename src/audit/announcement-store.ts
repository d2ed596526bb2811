import type { Knex } from 'knex'

/** What processes tell each other: who wrote, and nothing of what. */
export const CHANNEL = 'toolgate_audit'

/** Wakes whoever follows the log. In a transaction of its own: a commit that notifies waits for every other that does. */
export async function announceWriter(db: Knex, writer_id: string): Promise<void> {
  await db.raw('select pg_notify(?, ?)', [CHANNEL, writer_id])
}
