import type { Knex } from 'knex'

/** Dynamically registered and pre-registered clients. A secret is kept only as its digest (client-secret.ts). */
export type ClientMetadata = Record<string, unknown>

export async function findClient(db: Knex, id: string): Promise<ClientMetadata | undefined> {
  const row = await db('clients').where({ id }).first('metadata')
  return row?.metadata
}

export async function insertClient(db: Knex, id: string, metadata: ClientMetadata): Promise<void> {
  await db('clients').insert({ id, metadata: JSON.stringify(metadata) })
}

export async function deleteClient(db: Knex, id: string): Promise<void> {
  await db('clients').where({ id }).delete()
}
