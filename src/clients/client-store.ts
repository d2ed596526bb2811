import type { Knex } from 'knex'

/** Dynamically registered and pre-registered clients. A secret is kept only as its digest (client-secret.ts). */
export type ClientMetadata = Record<string, unknown>

export type RegisteredOrigin = 'registration' | 'operator'

export async function findClient(db: Knex, id: string): Promise<ClientMetadata | undefined> {
  const row = await db('clients').where({ id }).first('metadata')
  return row?.metadata
}

export async function insertClient(
  db: Knex,
  id: string,
  metadata: ClientMetadata,
  more: { origin?: RegisteredOrigin; metadata_digest?: Buffer } = {},
): Promise<void> {
  await db('clients').insert({ id, metadata: JSON.stringify(metadata), ...more })
}

/** Until the transaction ends, whoever wants to register the same metadata waits, so that of two at once only one makes a client. */
export async function holdRegistration(trx: Knex, metadata_digest: Buffer): Promise<void> {
  await trx.raw('select pg_advisory_xact_lock(?::bigint)', [metadata_digest.readBigInt64BE().toString()])
}

/** Newest client that registered with the same metadata within the last day and is not blocked. */
export async function findSameRegistration(
  db: Knex,
  metadata_digest: Buffer,
): Promise<ClientMetadata | undefined> {
  const row = await db('clients')
    .where({ metadata_digest, origin: 'registration' })
    .andWhereRaw("created_at > now() - interval '24 hours'")
    .andWhereRaw('not exists (select from blocked_clients b where b.client_id = clients.id)')
    .orderBy('created_at', 'desc')
    .first('metadata')
  return row?.metadata
}

/** How it came to be known; undefined for what is no client of this table. */
export async function findOrigin(db: Knex, id: string): Promise<RegisteredOrigin | undefined> {
  const row = await db('clients').where({ id }).first('origin')
  return row?.origin
}

/** Whether an operator added it, or somebody here allowed it something before. */
export async function isEstablished(db: Knex, id: string): Promise<boolean> {
  const { rows } = await db.raw<{ rows: { established: boolean }[] }>(
    `select exists (select from clients where id = :id and (origin = 'operator' or used_at is not null))
         or exists (select from grants where client_id = :id) as established`,
    { id },
  )
  return rows[0]?.established === true
}

/** Notes that the client completed a flow: from then on it is never swept. */
export async function markClientUsed(db: Knex, id: string): Promise<void> {
  await db('clients').where({ id }).whereNull('used_at').update({ used_at: db.fn.now() })
}

export async function replaceClientMetadata(
  db: Knex,
  id: string,
  metadata: ClientMetadata,
): Promise<boolean> {
  const count = await db('clients')
    .where({ id, origin: 'operator' })
    .update({ metadata: JSON.stringify(metadata) })
  return count === 1
}

export async function deleteClient(db: Knex, id: string): Promise<boolean> {
  return (await db('clients').where({ id }).delete()) === 1
}
