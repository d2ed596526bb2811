import type { Knex } from 'knex'

/** SQL of grants: what a person allowed one client on one resource, and the operator's and user's view of it. */
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
     on conflict (id) do update set scope = excluded.scope, payload = excluded.payload`,
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

export async function findGrantPayload(db: Knex, id: string): Promise<Record<string, unknown> | undefined> {
  const row = await db('grants').where({ id }).andWhereRaw('expires_at > now()').first('payload')
  return row?.payload
}

/** Deletes a grant with its codes and tokens, in one statement. Says whose it was; undefined when it was gone already. */
export async function deleteGrant(db: Knex, id: string): Promise<{ account_id: string } | undefined> {
  const [gone] = await db('grants').where({ id }).delete(['account_id'])
  return gone
}

/** Which grants an operator means; several conditions narrow each other. */
export type GrantFilter = {
  id?: string | undefined
  account?: string | undefined
  client_id?: string | undefined
  resource?: string | undefined
}

export type GrantView = {
  id: string
  account_id: string
  username: string
  client_id: string
  client_name: string | null
  resource: string | null
  scope: string
  created_at: Date
  expires_at: Date
  refresh_tokens: number
  access_tokens: number
}

function matching(db: Knex, filter: GrantFilter): Knex.QueryBuilder {
  const query = db('grants as g')
    .join('accounts as a', 'a.id', 'g.account_id')
    .leftJoin('clients as c', 'c.id', 'g.client_id')
    .leftJoin('metadata_documents as d', 'd.client_id', 'g.client_id')
    .whereRaw('g.expires_at > now()')
  if (filter.id !== undefined) query.where('g.id', filter.id)
  if (filter.client_id !== undefined) query.where('g.client_id', filter.client_id)
  if (filter.resource !== undefined) query.where('g.resource', filter.resource)
  const { account } = filter
  if (account !== undefined)
    query.where((either) => either.where('a.id', account).orWhere('a.username', account))
  return query
}

/** Live grants, newest first; `before` is the id of the last grant of the page above. */
export async function listGrants(
  db: Knex,
  filter: GrantFilter,
  page: { limit: number; before?: string | undefined },
): Promise<GrantView[]> {
  const query = matching(db, filter)
    .select(
      'g.id',
      'g.account_id',
      'a.username',
      'g.client_id',
      db.raw("coalesce(c.metadata, d.metadata)->>'client_name' as client_name"),
      'g.resource',
      'g.scope',
      'g.created_at',
      'g.expires_at',
      db.raw(`(select count(*)::int from refresh_tokens r where r.grant_id = g.id
               and r.consumed_at is null and r.expires_at > now()) as refresh_tokens`),
      db.raw(`(select count(*)::int from access_tokens t where t.grant_id = g.id
               and t.expires_at > now()) as access_tokens`),
    )
    .orderBy([
      { column: 'g.created_at', order: 'desc' },
      { column: 'g.id', order: 'desc' },
    ])
    .limit(page.limit)
  if (page.before !== undefined)
    query.whereRaw('(g.created_at, g.id) < (select created_at, id from grants where id = ?)', [page.before])
  return query
}

export type RefreshTokenView = {
  id: string
  grant_id: string
  account_id: string
  username: string
  client_id: string
  resource: string | null
  scope: string
  created_at: Date
  expires_at: Date
}

/** Live refresh tokens, newest first. `id` is the base64url SHA-256 of the token: it names it and opens nothing. */
export async function listRefreshTokens(
  db: Knex,
  filter: GrantFilter & { token_id?: Buffer | undefined },
  page: { limit: number },
): Promise<RefreshTokenView[]> {
  const query = matching(db, filter)
    .join('refresh_tokens as r', 'r.grant_id', 'g.id')
    .whereNull('r.consumed_at')
    .whereRaw('r.expires_at > now()')
    .select(
      'r.id',
      'r.grant_id',
      'g.account_id',
      'a.username',
      'g.client_id',
      'g.resource',
      'g.scope',
      'r.created_at',
      'r.expires_at',
    )
    .orderBy([
      { column: 'r.created_at', order: 'desc' },
      { column: 'r.id', order: 'desc' },
    ])
    .limit(page.limit)
  if (filter.token_id) query.where('r.id', filter.token_id)
  const rows: (Omit<RefreshTokenView, 'id'> & { id: Buffer })[] = await query
  return rows.map((row) => ({ ...row, id: row.id.toString('base64url') }))
}

export type RevokedGrant = Pick<GrantView, 'id' | 'account_id' | 'client_id' | 'resource' | 'scope'>

/**
 * Deletes every grant that matches and returns what was deleted, for the record. `db` must be a transaction:
 * the grants are locked in the order of their ids first, so that two revocations that overlap queue up.
 */
export async function deleteMatchingGrants(db: Knex, filter: GrantFilter): Promise<RevokedGrant[]> {
  const ids: string[] = await matching(db, filter).orderBy('g.id').forUpdate('g').pluck('g.id')
  return db('grants')
    .whereRaw('id = any(?)', [ids])
    .delete(['id', 'account_id', 'client_id', 'resource', 'scope'])
}
