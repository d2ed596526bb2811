import type { Knex } from 'knex'

/** What is counted, by a digest, and how often it may be within a window. */
export type Counter = { key: Buffer; max: number; account_id?: string | undefined }

/** What was counted: how often in its window, and which window that is. */
export type Attempt = Counter & { failures: number; window: string }

/**
 * Counts one more attempt for each counter and answers the count of each in its window.
 * Counted before the password is looked at, so parallel guesses cannot slip through together.
 */
export async function countAttempt(
  db: Knex,
  counters: readonly Counter[],
  window_seconds: number,
): Promise<Attempt[]> {
  const { rows } = await db.raw(
    `insert into login_attempts as l (key, account_id, failures, failures_max, window_ends_at)
     select key, nullif(account_id, ''), 1, max, now() + make_interval(secs => ?)
     from unnest(?::bytea[], ?::text[], ?::int[]) as counters (key, account_id, max) order by key
     on conflict (key) do update set
       failures = case when l.window_ends_at <= now() then 1 else l.failures + 1 end,
       window_ends_at = case when l.window_ends_at <= now() then excluded.window_ends_at else l.window_ends_at end
     returning key, failures, window_ends_at::text as "window"`,
    [
      window_seconds,
      counters.map(({ key }) => key),
      counters.map(({ account_id }) => account_id ?? ''),
      counters.map(({ max }) => max),
    ],
  )
  return counters.map((counter) => {
    const row = rows.find(({ key }: { key: Buffer }) => key.equals(counter.key))
    return { ...counter, failures: row?.failures ?? counter.max + 1, window: row?.window ?? 'infinity' }
  })
}

/** Takes back what was counted for an attempt that turned out to be none, unless its window is over. */
export async function giveAttemptsBack(db: Knex, attempts: readonly Attempt[]): Promise<void> {
  await db.raw(
    `update login_attempts as l set failures = failures - 1
     from unnest(?::bytea[], ?::text[]) as counted (key, "window")
     where l.key = counted.key and l.window_ends_at = counted."window"::timestamptz and l.failures > 0`,
    [attempts.map(({ key }) => key), attempts.map(({ window }) => window)],
  )
}

/** Seconds until the window of `key` ends, at least 1. */
export async function attemptsForgottenIn(db: Knex, key: Buffer): Promise<number> {
  const row = await db('login_attempts')
    .where({ key })
    .first(db.raw('ceil(extract(epoch from window_ends_at - now()))::int as seconds'))
  return Math.max(1, row?.seconds ?? 1)
}

export async function forgetAttempts(db: Knex, key: Buffer): Promise<void> {
  await db('login_attempts').where({ key }).delete()
}

/** What is counted against those who try to sign in to an account. Times are the database's. */
export type Held = { failures: number; reached: number; forgotten_at: Date | null }

export async function attemptsAgainst(db: Knex, account_id: string): Promise<Held> {
  const { rows } = await db.raw<{ rows: Held[] }>(
    `select coalesce(max(failures), 0) as failures,
            count(*) filter (where failures >= failures_max)::int as reached,
            max(window_ends_at) filter (where failures >= failures_max) as forgotten_at
     from login_attempts where account_id = ? and window_ends_at > now()`,
    [account_id],
  )
  return rows[0] ?? { failures: 0, reached: 0, forgotten_at: null }
}

/** Returns how many limits were reached. */
export async function forgetAttemptsAgainst(db: Knex, account_id: string): Promise<number> {
  const { rows } = await db.raw<{ rows: { reached: boolean }[] }>(
    `delete from login_attempts where account_id = ?
     returning failures >= failures_max and window_ends_at > now() as reached`,
    [account_id],
  )
  return rows.filter(({ reached }) => reached).length
}
