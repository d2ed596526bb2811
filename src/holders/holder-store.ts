import type { Knex } from 'knex'
import { z } from 'zod'
import { PERSONAL_CLIENT_ID } from '../personal-tokens/personal-access-token.ts'
import { keyset, type RowsWanted, storableText } from '../storage/keyset.ts'

/** SQL of who holds a scope: the accounts that may, and the grants that have it. Reads a bounded number of grants. */

/**
 * Runs a statement that takes grants from an index in its order. However stale its idea of how many there are, Postgres
 * must not sort all grants of a resource to find the newest.
 */
async function inOrderOfIndex<Row>(db: Knex, sql: string, bindings: Knex.RawBinding[]): Promise<Row[]> {
  return db.transaction(async (trx) => {
    await trx.raw('set local enable_bitmapscan = off')
    await trx.raw('set local enable_sort = off')
    return (await trx.raw<{ rows: Row[] }>(sql, bindings)).rows
  })
}

/** Two bounds instead of an equality, so that only the index by resource and time gives this order. */
const NEWEST = `
  from grants g where g.resource >= wanted.resource and g.resource <= wanted.resource
  order by g.resource desc, g.created_at desc limit`

export type ConsentedScopes = {
  resource: string
  /** Live grants among those looked at, by the scopes that were consented to together. */
  counts: { scope: string; grants: number }[]
  /** Whether every grant of the resource was looked at. */
  complete: boolean
}

/** How many of the newest `look_at` grants of each resource live, by their scopes. */
export async function consentedScopes(
  db: Knex,
  resources: readonly string[],
  look_at: number,
): Promise<ConsentedScopes[]> {
  const rows = await inOrderOfIndex<{ resource: string; scope: string; live: number; seen: number }>(
    db,
    `select wanted.resource, newest.scope, (count(*) filter (where newest.live))::int as live, count(*)::int as seen
     from unnest(?::text[]) as wanted(resource) cross join lateral (
       select g.scope, g.expires_at > now() as live ${NEWEST} ?) newest
     group by wanted.resource, newest.scope`,
    [[...resources], look_at],
  )
  return resources.map((resource) => {
    const found = rows.filter((row) => row.resource === resource)
    const seen = found.reduce((sum, row) => sum + row.seen, 0)
    const counts = found.map(({ scope, live }) => ({ scope, grants: live }))
    return { resource, counts, complete: seen < look_at }
  })
}

/** Live grants with the same scopes, of accounts with the same roles. */
export type GrantsAlike = {
  resource: string
  scope: string
  roles: string[]
  is_personal: boolean
  count: number
}

/** The newest `look_at` grants of each resource, those that live, counted by what decides what they open. */
export async function grantsAlike(
  db: Knex,
  resources: readonly string[],
  look_at: number,
): Promise<{ counts: GrantsAlike[]; complete: boolean }> {
  const rows = await inOrderOfIndex<GrantsAlike & { seen: number }>(
    db,
    `select wanted.resource, newest.scope, a.roles, newest.client_id = ? as is_personal,
       (count(*) filter (where newest.live))::int as count, count(*)::int as seen
     from unnest(?::text[]) as wanted(resource) cross join lateral (
       select g.scope, g.account_id, g.client_id, g.expires_at > now() as live ${NEWEST} ?) newest
     join accounts a on a.id = newest.account_id
     group by 1, 2, 3, 4`,
    [PERSONAL_CLIENT_ID, [...resources], look_at],
  )
  const seen = Map.groupBy(rows, ({ resource }) => resource)
  const complete = [...seen.values()].every((of) => of.reduce((sum, row) => sum + row.seen, 0) < look_at)
  return { counts: rows.filter(({ count }) => count > 0), complete }
}

/** Accounts that may act, counted by their roles; of more than `look_at`, so many. */
export async function accountsByRoles(
  db: Knex,
  look_at: number,
): Promise<{ counts: { roles: string[]; count: number }[]; complete: boolean }> {
  const { rows } = await db.raw<{ rows: { roles: string[]; count: number }[] }>(
    `select roles, count(*)::int as count
     from (select roles from accounts where disabled_at is null limit ?) looked_at group by roles`,
    [look_at],
  )
  return { counts: rows, complete: rows.reduce((sum, { count }) => sum + count, 0) < look_at }
}

export const holdingGrant = z.object({
  id: z.string(),
  account_id: z.string(),
  username: z.string(),
  client_id: z.string(),
  scope: z.string(),
  created_at: z.date(),
  last_used_at: z.date().nullable(),
})
type HoldingGrant = z.infer<typeof holdingGrant>

/** Live grants with one of these scopes among the newest `look_at` of the resource, newest first. */
export async function newestHoldingGrants(
  db: Knex,
  wanted: { resource: string; scopes: readonly string[] },
  { look_at, limit }: { look_at: number; limit: number },
): Promise<HoldingGrant[]> {
  return inOrderOfIndex(
    db,
    `select newest.id, newest.account_id, a.username, newest.client_id, newest.scope, newest.created_at,
            newest.last_used_at
     from (select ?::text as resource) as wanted cross join lateral (select g.* ${NEWEST} ?) newest
     join accounts a on a.id = newest.account_id
     where newest.expires_at > now() and string_to_array(newest.scope, ' ') && ?::text[]
     order by newest.created_at desc, newest.id desc limit ?`,
    [wanted.resource, look_at, [...wanted.scopes], limit],
  )
}

export const holdingAccount = z.object({
  id: z.string(),
  username: z.string(),
  roles: z.array(z.string()),
  disabled_at: z.date().nullable(),
})
type HoldingAccount = z.infer<typeof holdingAccount>

export const holdingAccounts = keyset(z.object({ username: storableText }))

/** Accounts with one of these roles, by username, after the one named. */
export async function accountsInRoles(
  db: Knex,
  roles: readonly string[],
  { limit, after }: RowsWanted<{ username: string }>,
): Promise<HoldingAccount[]> {
  const query = db<HoldingAccount>('accounts')
    .whereRaw('roles && ?::text[]', [[...roles]])
    .orderBy('username')
    .limit(limit)
    .select('id', 'username', 'roles', 'disabled_at')
  if (after) query.where('username', '>', after.username)
  return query
}
