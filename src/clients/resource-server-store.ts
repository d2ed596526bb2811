import type { Knex } from 'knex'

/** Protected resources that may ask about tokens issued for them. */
export type ResourceServer = { id: string; resource: string; created_at: Date; rotated_at: Date | null }

export async function insertResourceServer(
  db: Knex,
  row: { id: string; resource: string; secret_hash: Buffer },
): Promise<boolean> {
  const inserted = await db('resource_servers').insert(row).onConflict('id').ignore().returning('id')
  return inserted.length === 1
}

/** Whether there is a resource server with exactly this id, resource and secret. */
export async function isResourceServer(
  db: Knex,
  row: { id: string; resource: string; secret_hash: Buffer },
): Promise<boolean> {
  return (await db('resource_servers').where(row).first('id')) !== undefined
}

export async function replaceSecret(
  db: Knex,
  id: string,
  secret_hash: Buffer,
): Promise<ResourceServer | undefined> {
  const [row] = await db('resource_servers')
    .where({ id })
    .update({ secret_hash, rotated_at: db.fn.now() })
    .returning(['id', 'resource', 'created_at', 'rotated_at'])
  return row
}

export async function deleteResourceServer(db: Knex, id: string): Promise<ResourceServer | undefined> {
  const [row] = await db('resource_servers')
    .where({ id })
    .delete()
    .returning(['id', 'resource', 'created_at', 'rotated_at'])
  return row
}

export async function listResourceServers(db: Knex): Promise<ResourceServer[]> {
  return db('resource_servers').orderBy('id').select('id', 'resource', 'created_at', 'rotated_at')
}
