import type { Knex } from 'knex'

/** Clients that may not be used here, by `client_id`: also one that nobody has seen yet. Never cached. */
export type ClientBlock = { client_id: string; reason: string; blocked_by: string; blocked_at: Date }

export async function isClientBlocked(db: Knex, client_id: string): Promise<boolean> {
  return (await db('blocked_clients').where({ client_id }).first('client_id')) !== undefined
}

export async function findClientBlock(db: Knex, client_id: string): Promise<ClientBlock | undefined> {
  return db('blocked_clients').where({ client_id }).first('client_id', 'reason', 'blocked_by', 'blocked_at')
}

/** False when the client was blocked already; then nothing changes. */
export async function insertClientBlock(
  db: Knex,
  row: Pick<ClientBlock, 'client_id' | 'reason' | 'blocked_by'>,
): Promise<boolean> {
  const inserted = await db('blocked_clients')
    .insert(row)
    .onConflict('client_id')
    .ignore()
    .returning('client_id')
  return inserted.length === 1
}

export async function deleteClientBlock(db: Knex, client_id: string): Promise<boolean> {
  return (await db('blocked_clients').where({ client_id }).delete()) === 1
}

/**
 * Keeps grants to this client from being given until the transaction ends, and waits for those that are being given:
 * what comes after sees all of them.
 */
export async function holdClient(trx: Knex, client_id: string): Promise<void> {
  await trx.raw('select pg_advisory_xact_lock(hashtextextended(?, 0))', [client_id])
}

/**
 * Enters the client into a transaction that gives it a grant, and says whether it is blocked. Whoever blocks it now
 * waits for the end of the transaction.
 */
export async function enterClient(trx: Knex, client_id: string): Promise<'open' | 'blocked'> {
  await trx.raw('select pg_advisory_xact_lock_shared(hashtextextended(?, 0))', [client_id])
  // A statement of its own: the one that waited still sees the time before.
  return (await isClientBlocked(trx, client_id)) ? 'blocked' : 'open'
}

/** Whether a client that was blocked within the last day registered with this metadata. */
export async function isRegistrationBlocked(db: Knex, metadata_digest: Buffer): Promise<boolean> {
  const row = await db('clients as c')
    .join('blocked_clients as b', 'b.client_id', 'c.id')
    .where({ metadata_digest, origin: 'registration' })
    .andWhereRaw("greatest(b.blocked_at, c.created_at) > now() - interval '24 hours'")
    .first('c.id')
  return row !== undefined
}
