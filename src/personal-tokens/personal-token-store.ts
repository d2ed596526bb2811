import type { Knex } from 'knex'
import { PERSONAL_CLIENT_ID } from './personal-access-token.ts'
import type { TokenRole } from './personal-token-scopes.ts'

/**
 * SQL of personal access tokens. Each is a grant with a row of its own beside it; its values are rows of access_tokens,
 * so introspection and revocation need not know of them. The grant ends when its newest value does.
 */
export type TokenOwner = { id: string; username: string; roles: string[] }

const OWNER = `select id, username, roles from accounts
  where (id = :account or username = lower(:account)) and disabled_at is null
  order by id = :account desc limit 1`

/** The active account of this id or username. */
export async function findOwner(db: Knex, account: string): Promise<TokenOwner | undefined> {
  const { rows } = await db.raw(OWNER, { account })
  return rows[0]
}

/**
 * The same, held until the transaction ends, so that of two tokens that are made at
 * once for one account the second counts the first.
 */
export async function lockOwner(trx: Knex, account: string): Promise<TokenOwner | undefined> {
  const { rows } = await trx.raw(`${OWNER} for no key update`, { account })
  return rows[0]
}

/** How many of this account live on the resource, counted up to `max`. */
export async function countLive(
  db: Knex,
  { account_id, resource, max }: { account_id: string; resource: string; max: number },
): Promise<number> {
  const live = await db('grants')
    .where({ account_id, resource, client_id: PERSONAL_CLIENT_ID })
    .whereRaw('expires_at > now()')
    .limit(max)
    .select('id')
  return live.length
}

type Value = { id: Buffer; ttl_seconds: number }
type Owned = { id: string; account_id: string; resource: string; scope: string }

async function insertValue(trx: Knex, grant: Owned, value: Value): Promise<void> {
  await trx.raw(
    `insert into access_tokens (id, grant_id, account_id, client_id, resource, scope, gty, expires_at)
     values (?, ?, ?, ?, ?, ?, null, now() + make_interval(secs => ?))`,
    [
      value.id,
      grant.id,
      grant.account_id,
      PERSONAL_CLIENT_ID,
      grant.resource,
      grant.scope,
      value.ttl_seconds,
    ],
  )
}

export type NewToken = Owned & { name: string; role: TokenRole; created_by: string; value: Value } & {
  /** Of the catalogue that its scopes were chosen from. */
  catalogue_version: number
}

export async function insertPersonalToken(trx: Knex, token: NewToken): Promise<void> {
  await trx.raw(
    `insert into grants (id, account_id, client_id, resource, scope, scope_versions, payload, expires_at)
     values (:id, :account_id, :client_id, :resource, :scope,
       array_fill(cast(:catalogue_version as int), array[cardinality(string_to_array(:scope, ' '))]),
       '{}', now() + make_interval(secs => :ttl_seconds))`,
    {
      ...{ id: token.id, account_id: token.account_id, client_id: PERSONAL_CLIENT_ID },
      ...{ resource: token.resource, scope: token.scope, catalogue_version: token.catalogue_version },
      ttl_seconds: token.value.ttl_seconds,
    },
  )
  const { id: grant_id, name, role, created_by } = token
  await trx('personal_access_tokens').insert({
    grant_id,
    name,
    role,
    created_by,
    newest_value: token.value.id,
  })
  await insertValue(trx, token, token.value)
}

/** Which token; with `account_id` only when it is that account's. */
export type TokenName = { id: string; account_id?: string | undefined }

export type LockedToken = Owned & { name: string; newest_value: Buffer; ttl_seconds: number }

/** A live token with the life that its newest value was given, held until the transaction ends. */
export async function lockPersonalToken(
  trx: Knex,
  { id, account_id }: TokenName,
): Promise<LockedToken | undefined> {
  // The grant first, as everywhere; what belongs to it is read when nobody else can change it any more.
  const held = trx('grants').where({ id, client_id: PERSONAL_CLIENT_ID }).whereRaw('expires_at > now()')
  if (account_id !== undefined) held.where({ account_id })
  const [grant] = await held.forUpdate().select('id')
  if (!grant) return undefined
  return trx('grants as g')
    .join('personal_access_tokens as p', 'p.grant_id', 'g.id')
    .join('access_tokens as t', 't.id', 'p.newest_value')
    .where('g.id', id)
    .first(
      'g.id',
      'g.account_id',
      'g.resource',
      'g.scope',
      'p.name',
      'p.newest_value',
      trx.raw('extract(epoch from t.expires_at - t.issued_at)::float8 as ttl_seconds'),
    )
}

/**
 * Gives a token that is held a new value. The one before lives for the overlap, though no longer than it would have
 * and no longer than the new one; all that are older end.
 */
export async function replaceValue(
  trx: Knex,
  token: LockedToken,
  { value, overlap_seconds }: { value: Value; overlap_seconds: number },
): Promise<void> {
  const ended = trx('access_tokens').where({ grant_id: token.id })
  if (overlap_seconds > 0) ended.whereNot({ id: token.newest_value })
  await ended.delete()
  await trx.raw(
    'update access_tokens set expires_at = least(expires_at, now() + make_interval(secs => ?)) where id = ?',
    [Math.min(overlap_seconds, value.ttl_seconds), token.newest_value],
  )
  await insertValue(trx, token, value)
  await trx.raw('update grants set expires_at = now() + make_interval(secs => ?) where id = ?', [
    value.ttl_seconds,
    token.id,
  ])
  await trx('personal_access_tokens')
    .where({ grant_id: token.id })
    .update({ newest_value: value.id, rotated_at: trx.fn.now(), noticed_at: null })
}

export type DeletedToken = Owned & { name: string }

/** Ends all values at once. Undefined when there is no such token, or none any more. */
export async function deletePersonalToken(
  trx: Knex,
  { id, account_id }: TokenName,
): Promise<DeletedToken | undefined> {
  const { rows } = await trx.raw(
    `delete from grants g using personal_access_tokens p
     where p.grant_id = g.id and g.id = ? and g.client_id = ? and (?::text is null or g.account_id = ?)
     returning g.id, g.account_id, g.resource, g.scope, p.name`,
    [id, PERSONAL_CLIENT_ID, account_id ?? null, account_id ?? null],
  )
  return rows[0]
}

/** Takes tokens that expire within these days and were not noticed yet; what another instance holds is left to it. */
export async function claimExpiring(
  trx: Knex,
  { days, max }: { days: number; max: number },
): Promise<(DeletedToken & { expires_at: Date })[]> {
  const { rows } = await trx.raw(
    `with due as (
       select p.grant_id from personal_access_tokens p join grants g on g.id = p.grant_id
       where g.client_id = ? and g.expires_at > now() and g.expires_at <= now() + make_interval(days => ?)
         and p.noticed_at is null
       order by g.expires_at limit ? for update of p skip locked)
     update personal_access_tokens p set noticed_at = now() from due, grants g
     where p.grant_id = due.grant_id and g.id = due.grant_id
     returning g.id, g.account_id, g.resource, g.scope, p.name, g.expires_at`,
    [PERSONAL_CLIENT_ID, days, max],
  )
  return rows
}

/** Writes what tokens were newly used by. Rows that somebody holds are left; it is a hint and comes again. */
export async function writeUsers(db: Knex, users: ReadonlyMap<string, string>): Promise<void> {
  await db.raw(
    `with used as (select * from unnest(?::text[], ?::text[]) as u(grant_id, used_by)),
     held as (
       select p.grant_id, u.used_by from personal_access_tokens p join used u using (grant_id)
       where p.used_by is distinct from u.used_by order by p.grant_id for update of p skip locked)
     update personal_access_tokens p set used_by = held.used_by from held where p.grant_id = held.grant_id`,
    [[...users.keys()], [...users.values()]],
  )
}
