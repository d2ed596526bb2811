import type { Knex } from 'knex'
import { z } from 'zod'
import { keyset, type RowsWanted, storableText } from '../storage/keyset.ts'

/** People who sign in. The username is kept in lower case; roles are names from the catalogue. */
export const accountSchema = z.object({
  id: z.string(),
  username: z.string(),
  roles: z.array(z.string()),
  created_at: z.date(),
  disabled_at: z.date().nullable(),
})
export type Account = z.infer<typeof accountSchema>

const PUBLIC = ['id', 'username', 'roles', 'created_at', 'disabled_at'] as const

export async function insertAccount(
  db: Knex,
  row: { id: string; username: string; password_hash: string; roles: readonly string[] },
): Promise<boolean> {
  const inserted = await db('accounts').insert(row).onConflict('username').ignore().returning('id')
  return inserted.length === 1
}

/** An account that may act: present and not disabled. */
export async function findActiveAccount(db: Knex, id: string): Promise<Account | undefined> {
  return db('accounts').where({ id }).whereNull('disabled_at').first(PUBLIC)
}

export async function findByUsername(
  db: Knex,
  username: string,
): Promise<(Account & { password_hash: string }) | undefined> {
  return db('accounts')
    .where({ username })
    .first([...PUBLIC, 'password_hash'])
}

/** The account of this id, else of this username in any case. */
export async function findAccount(db: Knex, name: string): Promise<Account | undefined> {
  return (
    (await db('accounts').where({ id: name }).first(PUBLIC)) ??
    (await db('accounts').where({ username: name.toLowerCase() }).first(PUBLIC))
  )
}

/** The account as it is now, held until the transaction ends. */
export async function holdAccount(trx: Knex, id: string): Promise<Account | undefined> {
  return trx('accounts').where({ id }).forNoKeyUpdate().first(PUBLIC)
}

/** Ids of the accounts that may act and have the role, held in one order until the transaction ends. */
export async function holdActiveWithRole(trx: Knex, role: string): Promise<string[]> {
  const rows: { id: string }[] = await trx('accounts')
    .whereRaw('roles @> ?::text[]', [[role]])
    .whereNull('disabled_at')
    .orderBy('id')
    .forNoKeyUpdate()
    .select('id')
  return rows.map(({ id }) => id)
}

export async function updateAccount(
  db: Knex,
  id: string,
  change: {
    roles?: readonly string[] | undefined
    password_hash?: string | undefined
    disabled?: boolean | undefined
  },
): Promise<void> {
  const { disabled, roles, password_hash } = change
  await db('accounts')
    .where({ id })
    .update({
      ...(roles && { roles }),
      ...(password_hash !== undefined && { password_hash }),
      ...(disabled !== undefined && { disabled_at: disabled ? db.fn.now() : null }),
    })
}

/** Replaces the password if it is still the one that was checked. */
export async function replacePassword(
  db: Knex,
  id: string,
  { checked_hash, password_hash }: { checked_hash: string; password_hash: string },
): Promise<boolean> {
  const change = db('accounts').where({ id, password_hash: checked_hash }).whereNull('disabled_at')
  return (await change.update({ password_hash })) === 1
}

export type AccountFilter = {
  /** What the username begins with. */
  username?: string | undefined
  role?: string | undefined
  disabled?: boolean | undefined
}

/** Above every character that a username can have. */
const AFTER_ALL = '\x7f'

/** Pages of accounts by username. */
export const usernames = keyset(z.object({ username: storableText }))

/** By username, from the one after `after` on. */
export async function listAccounts(
  db: Knex,
  { username, role, disabled }: AccountFilter,
  { limit, after }: RowsWanted<{ username: string }>,
): Promise<Account[]> {
  const query = db('accounts').orderByRaw('username collate "C"').limit(limit).select(PUBLIC)
  if (username !== undefined) {
    const prefix = username.toLowerCase()
    query.whereRaw('username collate "C" >= ? and username collate "C" < ?', [prefix, prefix + AFTER_ALL])
  }
  if (role !== undefined) query.whereRaw('roles @> ?::text[]', [[role]])
  if (disabled === true) query.whereNotNull('disabled_at')
  if (disabled === false) query.whereNull('disabled_at')
  if (after) query.whereRaw('username collate "C" > ?', [after.username])
  return query
}

/** How many live grants an account has, counted up to `max`. */
export async function countLiveGrants(db: Knex, account_id: string, max: number): Promise<number> {
  const { rows } = await db.raw(
    `select count(*)::int as live from
       (select 1 from grants where account_id = ? and expires_at > now() limit ?) as found`,
    [account_id, max],
  )
  return rows[0].live
}
