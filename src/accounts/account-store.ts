import type { Knex } from 'knex'

/** People who sign in. The username is kept in lower case; roles are names from the catalogue. */
export type Account = {
  id: string
  username: string
  roles: string[]
  created_at: Date
  disabled_at: Date | null
}

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

export async function listAccounts(db: Knex): Promise<Account[]> {
  return db('accounts').orderBy('username').select(PUBLIC)
}

export async function updateAccount(
  db: Knex,
  id: string,
  change: { roles?: readonly string[]; password_hash?: string; disabled?: boolean },
): Promise<void> {
  const { disabled, ...columns } = change
  const disabled_at = disabled === undefined ? {} : { disabled_at: disabled ? db.fn.now() : null }
  await db('accounts')
    .where({ id })
    .update({ ...columns, ...disabled_at })
}

/**
 * Counts one more failed sign-in for each key and answers the highest count in its window.
 * Counted before the password is looked at, so parallel guesses cannot slip through together.
 */
export async function countAttempt(db: Knex, keys: string[], window_seconds: number): Promise<number[]> {
  const { rows } = await db.raw(
    `insert into login_attempts as l (key, failures, window_ends_at)
     select key, 1, now() + make_interval(secs => ?) from unnest(?::text[]) as key order by key
     on conflict (key) do update set
       failures = case when l.window_ends_at <= now() then 1 else l.failures + 1 end,
       window_ends_at = case when l.window_ends_at <= now() then excluded.window_ends_at else l.window_ends_at end
     returning key, failures`,
    [window_seconds, keys],
  )
  return keys.map(
    (key) => rows.find((row: { key: string; failures: number }) => row.key === key)?.failures ?? 0,
  )
}

/** Seconds until the window of `key` ends, at least 1. */
export async function attemptsForgottenIn(db: Knex, key: string): Promise<number> {
  const row = await db('login_attempts')
    .where({ key })
    .first(db.raw('ceil(extract(epoch from window_ends_at - now()))::int as seconds'))
  return Math.max(1, row?.seconds ?? 1)
}

export async function forgetAttempts(db: Knex, key: string): Promise<void> {
  await db('login_attempts').where({ key }).delete()
}
