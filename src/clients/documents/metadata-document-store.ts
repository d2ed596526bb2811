import type { Knex } from 'knex'
import type { ClientMetadata } from '../client-store.ts'

/** The last good copy of each metadata document, and what the newest attempt to fetch it gave. */
export type StoredDocument = {
  metadata: ClientMetadata | null
  identity: string | null
  /** Neither the copy nor a failure is to be asked for again yet. */
  fresh: boolean
  failure: string | null
  refused: boolean
}

export async function findDocument(db: Knex, client_id: string): Promise<StoredDocument | undefined> {
  return db('metadata_documents')
    .where({ client_id })
    .first('metadata', 'identity', 'failure', 'refused', db.raw('fresh_until > now() as fresh'))
}

export async function keepDocument(
  db: Knex,
  row: { client_id: string; metadata: ClientMetadata; identity: string; fresh_for_seconds: number },
): Promise<void> {
  await db.raw(
    `insert into metadata_documents (client_id, metadata, identity, fetched_at, fresh_until)
     values (?, ?, ?, now(), now() + make_interval(secs => ?))
     on conflict (client_id) do update set
       metadata = excluded.metadata, identity = excluded.identity, fetched_at = excluded.fetched_at,
       fresh_until = excluded.fresh_until, failure = null, refused = false`,
    [row.client_id, JSON.stringify(row.metadata), row.identity, row.fresh_for_seconds],
  )
}

/** Remembers a failure, so that it is not asked for again at once. A good copy stays, and a refusal stays one. */
export async function keepFailure(
  db: Knex,
  row: { client_id: string; failure: string; refused: boolean; retry_after_seconds: number },
): Promise<void> {
  await db.raw(
    `insert into metadata_documents as stored (client_id, failure, refused, fresh_until)
     values (?, ?, ?, now() + make_interval(secs => ?))
     on conflict (client_id) do update set
       failure = excluded.failure, refused = stored.refused or excluded.refused, fresh_until = excluded.fresh_until`,
    [row.client_id, row.failure, row.refused, row.retry_after_seconds],
  )
}

export async function deleteDocument(db: Knex, client_id: string): Promise<boolean> {
  return (await db('metadata_documents').where({ client_id }).delete()) === 1
}
