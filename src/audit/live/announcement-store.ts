import type { Knex } from 'knex'

/** What processes tell each other: who wrote, and nothing of what. */
export const CHANNEL = 'toolgate_audit'

/** Wakes whoever follows the log. In a transaction of its own: a commit that notifies waits for every other that does. */
export async function announceWriters(db: Knex, writers: readonly string[]): Promise<void> {
  await db.raw('select pg_notify(?, writer_id) from unnest(?::text[]) as writer_id', [CHANNEL, [...writers]])
}
