import type { Knex } from 'knex'

/** SQL of grants: what a person allowed one client on one resource. Lists of them are in grant-list-store.ts. */
export type GrantRow = {
  id: string
  account_id: string
  client_id: string
  resource: string | null
  scope: string
  payload: Record<string, unknown>
}

export async function putGrant(db: Knex, row: GrantRow & { ttl_seconds: number }): Promise<void> {
  await db.raw(
    `insert into grants (id, account_id, client_id, resource, scope, payload, expires_at, client_identity)
     values (?, ?, ?, ?, ?, ?, now() + make_interval(secs => ?),
             (select identity from metadata_documents where client_id = ?))
     on conflict (id) do update set payload = excluded.payload, scope = excluded.scope,
       scope_versions = case when grants.scope = excluded.scope then grants.scope_versions else '{}' end`,
    [
      row.id,
      row.account_id,
      row.client_id,
      row.resource,
      row.scope,
      JSON.stringify(row.payload),
      row.ttl_seconds,
      row.client_id,
    ],
  )
}

export type Consent = {
  /** Where the person was sent back to with the first code, for people who look at the grant later. */
  receiver: string
  /** Of the catalogue that the person saw. */
  catalogue_version: number
  /** It ends by then, whatever is configured. */
  limit_seconds: number | undefined
}

/** What the engine does not know of a grant that it just saved. */
export async function keepConsent(
  db: Knex,
  id: string,
  { receiver, catalogue_version, limit_seconds }: Consent,
): Promise<void> {
  await db.raw(
    `update grants set receiver = :receiver,
       scope_versions = array_fill(cast(:catalogue_version as int), array[cardinality(string_to_array(scope, ' '))]),
       expires_at = least(expires_at, now() + make_interval(secs => cast(:limit_seconds as float8)))
     where id = :id`,
    { id, receiver, catalogue_version, limit_seconds: limit_seconds ?? null },
  )
}

/** Whether the client's document names other hosts or keys than when this account last allowed the client. */
export async function clientChangedSinceGrant(
  db: Knex,
  { account_id, client_id }: { account_id: string; client_id: string },
): Promise<boolean> {
  const { rows } = await db.raw(
    `select g.client_identity <> d.identity as changed
     from grants g join metadata_documents d using (client_id)
     where g.account_id = ? and g.client_id = ? order by g.created_at desc limit 1`,
    [account_id, client_id],
  )
  return rows[0]?.changed === true
}

/** A client that asks an account for a resource. */
export type Asking = { account_id: string; client_id: string; resource: string }

const CONSENTS_MAX = 100

/** Each way in which the account allowed the client something on the resource, as long as it counts. */
export async function consentsOf(
  db: Knex,
  asking: Asking,
): Promise<{ scope: string; scope_versions: number[] }[]> {
  return db('grants')
    .where(asking)
    .andWhereRaw('expires_at > now()')
    .distinct('scope', 'scope_versions')
    .limit(CONSENTS_MAX)
}

export async function findGrantPayload(db: Knex, id: string): Promise<Record<string, unknown> | undefined> {
  const row = await db('grants').where({ id }).andWhereRaw('expires_at > now()').first('payload')
  return row?.payload
}

export type GoneGrant = { id: string; account_id: string; resource: string | null }

/** Deletes a grant with its codes and tokens, in one statement. Says whose it was; undefined when it was gone already. */
export async function deleteGrant(db: Knex, id: string): Promise<GoneGrant | undefined> {
  const [gone] = await db('grants').where({ id }).delete(['id', 'account_id', 'resource'])
  return gone
}

/** Which grants somebody means; several conditions narrow each other. */
export type GrantFilter = {
  id?: string | undefined
  ids?: readonly string[] | undefined
  /** A username or the id of an account. */
  account?: string | undefined
  client_id?: string | undefined
  resource?: string | undefined
  /** One that the grant has. */
  scope?: string | undefined
  /** Neither given nor used since. */
  unused_since?: Date | undefined
  /** Only those that have a live refresh token. */
  refreshable?: boolean | undefined
  /** The one that has this live refresh token: the base64url SHA-256 of it. */
  refresh_token_id?: string | undefined
}

/** When something was last heard of a grant; indexed as it stands here. */
export const LAST_SIGN = 'coalesce(g.last_used_at, g.created_at)'

const HAS_REFRESH_TOKEN = `exists (select from refresh_tokens r
  where r.grant_id = g.id and r.consumed_at is null and r.expires_at > now())`

const OF_REFRESH_TOKEN = `g.id = (select r.grant_id from refresh_tokens r
  where r.id = ? and r.consumed_at is null and r.expires_at > now())`

/** An id goes before a username, so that nobody is meant by a name that looks like another one's id. */
const ACCOUNT_NAMED =
  'select id from accounts where id = :account or username = :account order by (id = :account) desc limit 1'

/** A filter whose account was looked up: only of one id is there an index in order. Null where nobody has that name. */
export type ResolvedFilter = Omit<GrantFilter, 'account'> & { account_id?: string | null }

export async function resolveFilter(db: Knex, { account, ...filter }: GrantFilter): Promise<ResolvedFilter> {
  if (account === undefined) return filter
  const { rows } = await db.raw(ACCOUNT_NAMED, { account })
  return { ...filter, account_id: rows[0]?.id ?? null }
}

/** Live grants that match, as `g`. */
export function matchingGrants(db: Knex, filter: ResolvedFilter): Knex.QueryBuilder {
  const { id, ids, account_id, client_id, resource, scope, unused_since, refreshable, refresh_token_id } =
    filter
  const query = db('grants as g').whereRaw('g.expires_at > now()')
  if (id !== undefined) query.where('g.id', id)
  if (ids !== undefined) query.whereRaw('g.id = any(?)', [ids as string[]])
  if (account_id !== undefined) query.whereRaw('g.account_id = ?', [account_id])
  if (client_id !== undefined) query.where('g.client_id', client_id)
  if (resource !== undefined) query.where('g.resource', resource)
  if (scope !== undefined) query.whereRaw("string_to_array(g.scope, ' ') @> array[?]::text[]", [scope])
  if (unused_since !== undefined) query.whereRaw(`${LAST_SIGN} < ?`, [unused_since])
  if (refreshable) query.whereRaw(HAS_REFRESH_TOKEN)
  if (refresh_token_id !== undefined)
    query.whereRaw(OF_REFRESH_TOKEN, [Buffer.from(refresh_token_id, 'base64url')])
  return query
}

export type RevokedGrant = {
  id: string
  account_id: string
  client_id: string
  resource: string | null
  scope: string
}

/**
 * Deletes the grants that match, at most `limit`, and returns what was deleted, for the record. `db` must be a transaction:
 * the grants are locked in the order of their ids first, so that two revocations that overlap queue up.
 */
export async function deleteMatchingGrants(
  db: Knex,
  filter: GrantFilter,
  limit?: number,
): Promise<RevokedGrant[]> {
  const matching = matchingGrants(db, await resolveFilter(db, filter))
  if (limit !== undefined) matching.limit(limit)
  const ids: string[] = await matching.orderBy('g.id').forUpdate('g').pluck('g.id')
  return db('grants')
    .whereRaw('id = any(?)', [ids])
    .delete(['id', 'account_id', 'client_id', 'resource', 'scope'])
}

/** Every grant there is, with all codes and tokens. Answers how many. */
export function deleteAllGrants(trx: Knex): Promise<number> {
  return trx('grants').delete()
}

export type HeldGrant = GrantRow & { scope_versions: number[] }

/** A live grant, of this account if one is named. `db` must be a transaction; the grant is held until it ends. */
export async function holdGrant(
  db: Knex,
  id: string,
  account_id: string | undefined,
): Promise<HeldGrant | undefined> {
  const query = db('grants').where({ id }).andWhereRaw('expires_at > now()')
  if (account_id !== undefined) query.where({ account_id })
  return query
    .forUpdate()
    .first('id', 'account_id', 'client_id', 'resource', 'scope', 'scope_versions', 'payload')
}

/** Compare-and-set: false when the grant's scope is not `from` any more. */
export async function replaceScope(
  db: Knex,
  id: string,
  { from, to, ...kept }: { from: string; to: string } & Pick<HeldGrant, 'scope_versions' | 'payload'>,
): Promise<boolean> {
  const changed = await db('grants')
    .where({ id, scope: from })
    .update({ scope: to, ...kept, payload: JSON.stringify(kept.payload) })
  return changed === 1
}
