import type { Knex } from 'knex'
import pg from 'pg'

/**
 * Notifications of Postgres, on a connection of its own beside the pool that `db` has. What is sent while there
 * is no connection is lost, so whoever listens must also look for itself from time to time.
 */
export type Listener = { close(): Promise<void> }

const RECONNECT_MS = 1_000

/**
 * Listens until closed, and connects again when the connection is lost. `heard` gets each payload, and an empty one
 * whenever listening begins; it must not throw.
 */
export function listen(db: Knex, channel: string, heard: (payload: string) => void): Listener {
  let closed = false
  let client: pg.Client | undefined
  let again: NodeJS.Timeout | undefined

  const lost = (of: pg.Client): void => {
    if (client !== of) return
    client = undefined
    of.end().catch(() => undefined)
    if (!closed) again = setTimeout(connect, RECONNECT_MS).unref()
  }
  const connect = (): void => {
    const made = new pg.Client(db.client.connectionSettings)
    client = made
    made.on('error', () => lost(made))
    made.on('end', () => lost(made))
    made.on('notification', ({ payload }) => heard(payload ?? ''))
    made
      .connect()
      .then(() => made.query(`listen ${pg.escapeIdentifier(channel)}`))
      .then(() => heard(''))
      .catch(() => lost(made))
  }
  connect()
  return {
    async close() {
      closed = true
      clearTimeout(again)
      const last = client
      client = undefined
      await last?.end().catch(() => undefined)
    },
  }
}
