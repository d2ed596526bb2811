import type { Knex } from 'knex'
import { z } from 'zod'
import { byMoment, type Page, type PageWanted, pageByMoment } from '../../storage/keyset.ts'

/** Protected resources that may ask about tokens issued for them. */
export const resourceServer = z.object({
  id: z.string().describe('The client_id that it authenticates with'),
  resource: z.string(),
  authentication: z.enum(['client_secret', 'private_key_jwt']),
  created_at: z.date(),
  rotated_at: z.date().nullable(),
})
export type ResourceServer = z.infer<typeof resourceServer>

/** By what a resource server proves itself: the hash of its secret, or of the public keys in `jwks`. */
export type Credential = { credential_hash: Buffer; jwks: string | null }

function columns(db: Knex) {
  const authentication = db.raw(
    `case when jwks is null then 'client_secret' else 'private_key_jwt' end as authentication`,
  )
  return ['id', 'resource', authentication, 'created_at', 'rotated_at']
}

export async function insertResourceServer(
  db: Knex,
  row: { id: string; resource: string } & Credential,
): Promise<boolean> {
  const inserted = await db('resource_servers').insert(row).onConflict('id').ignore().returning('id')
  return inserted.length === 1
}

/** Whether there is a resource server with exactly this id, resource and credential. */
export async function isResourceServer(
  db: Knex,
  { id, resource, credential_hash }: { id: string; resource: string } & Credential,
): Promise<boolean> {
  return (await db('resource_servers').where({ id, resource, credential_hash }).first('id')) !== undefined
}

export async function replaceCredential(
  db: Knex,
  id: string,
  credential: Credential,
): Promise<ResourceServer | undefined> {
  const [row] = await db('resource_servers')
    .where({ id })
    .update({ ...credential, rotated_at: db.fn.now() })
    .returning(columns(db))
  return row
}

/** The credential that counts now. */
export async function findCredential(db: Knex, id: string): Promise<Credential | undefined> {
  return db('resource_servers').where({ id }).first('credential_hash', 'jwks')
}

/** What counts now of a resource server that says who it is. */
export type AskingServer = { resource: string; credential_hash: Buffer }

/** In the order of `ids`; undefined where there is none. */
export async function findAskingServers(
  db: Knex,
  ids: readonly string[],
): Promise<(AskingServer | undefined)[]> {
  const rows = await db('resource_servers').whereIn('id', ids).select('id', 'resource', 'credential_hash')
  const found = new Map(rows.map(({ id, ...server }) => [id, server]))
  return ids.map((id) => found.get(id))
}

export async function deleteResourceServer(db: Knex, id: string): Promise<ResourceServer | undefined> {
  const [row] = await db('resource_servers').where({ id }).delete().returning(columns(db))
  return row
}

export async function findResourceServer(db: Knex, id: string): Promise<ResourceServer | undefined> {
  return db('resource_servers').where({ id }).first(columns(db))
}

/** Newest first. Throws `invalid_input` for an invalid cursor. */
export function listResourceServers(db: Knex, page: PageWanted): Promise<Page<ResourceServer>> {
  const query = db('resource_servers').select(columns(db))
  return pageByMoment(page, (wanted) => byMoment(db, query, wanted))
}
