import type { Knex } from 'knex'

/**
 * SQL of authorization codes, refresh tokens and access tokens. A row's id is the SHA-256 of the bearer value.
 * Whoever is about to spend one first locks its grant, so rotation, replay and revocation of one family queue up.
 */
export type StoredPayload = Record<string, unknown>

type Lifetime = { ttl_seconds: number }
type Owned = { id: Buffer; grant_id: string }

/** What is spent once. */
type SpentOnce = 'authorization_codes' | 'refresh_tokens'

/** Locks the grant that owns a code or token until the transaction ends; undefined when there is none. */
async function lockFamily(db: Knex, table: SpentOnce, id: Buffer): Promise<void> {
  await db.raw(`select 1 from grants where id = (select grant_id from ${table} where id = ?) for update`, [
    id,
  ])
}

export async function insertSpentOnce(
  db: Knex,
  table: SpentOnce,
  row: Owned & Lifetime & { payload: StoredPayload },
): Promise<void> {
  await db.raw(
    `insert into ${table} (id, grant_id, payload, expires_at)
     values (?, ?, ?, now() + make_interval(secs => ?))`,
    [row.id, row.grant_id, JSON.stringify(row.payload), row.ttl_seconds],
  )
}

/** Compare-and-set: true for exactly one caller. */
export async function consume(db: Knex, table: SpentOnce, id: Buffer): Promise<boolean> {
  const consumed_at = db.raw('clock_timestamp()')
  return (await db(table).where({ id }).whereNull('consumed_at').update({ consumed_at })) === 1
}

export type FoundCode = { payload: StoredPayload; expired: boolean; consumed: boolean }

export async function findAuthorizationCode(db: Knex, id: Buffer): Promise<FoundCode | undefined> {
  if (db.isTransaction) await lockFamily(db, 'authorization_codes', id)
  return db('authorization_codes')
    .where({ id })
    .first('payload', db.raw('expires_at <= now() as expired'), db.raw('consumed_at is not null as consumed'))
}

export type FoundRefreshToken = {
  payload: StoredPayload
  expired: boolean
  consumed: boolean
  consumed_seconds_ago: number | null
  sealed_response: Buffer | null
}

export async function findRefreshToken(db: Knex, id: Buffer): Promise<FoundRefreshToken | undefined> {
  if (db.isTransaction) await lockFamily(db, 'refresh_tokens', id)
  return db('refresh_tokens').where({ id }).first(
    'payload',
    'sealed_response',
    db.raw('expires_at <= now() as expired'),
    db.raw('consumed_at is not null as consumed'),
    // statement time, not transaction time: the transaction may have waited for the family's lock
    db.raw('extract(epoch from clock_timestamp() - consumed_at)::float8 as consumed_seconds_ago'),
  )
}

export type AccessTokenRow = Owned & {
  account_id: string
  client_id: string
  resource: string
  scope: string
  gty: string | undefined
}

export async function insertAccessToken(db: Knex, row: AccessTokenRow & Lifetime): Promise<void> {
  await db.raw(
    `insert into access_tokens (id, grant_id, account_id, client_id, resource, scope, gty, expires_at)
     values (?, ?, ?, ?, ?, ?, ?, now() + make_interval(secs => ?))`,
    [
      row.id,
      row.grant_id,
      row.account_id,
      row.client_id,
      row.resource,
      row.scope,
      row.gty ?? null,
      row.ttl_seconds,
    ],
  )
}

export async function findAccessToken(
  db: Knex,
  id: Buffer,
): Promise<(AccessTokenRow & { iat: number; exp: number }) | undefined> {
  return db('access_tokens')
    .where({ id })
    .andWhereRaw('expires_at > now()')
    .first(
      '*',
      db.raw('extract(epoch from issued_at)::int as iat'),
      db.raw('extract(epoch from expires_at)::int as exp'),
    )
}

export async function deleteToken(db: Knex, table: SpentOnce | 'access_tokens', id: Buffer): Promise<void> {
  // The grant first, as everywhere: a revocation holds it and then deletes this row.
  if (db.isTransaction && table !== 'access_tokens') await lockFamily(db, table, id)
  await db(table).where({ id }).delete()
}
