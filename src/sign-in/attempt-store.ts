import type { Knex } from 'knex'

/** What was counted for a key: how often in its window, and which window that is. */
export type Attempt = { failures: number; window: string }

/**
 * Counts one more failed attempt for each key and answers the count of each in its window.
 * Counted before the password is looked at, so parallel guesses cannot slip through together.
 */
export async function countAttempt(db: Knex, keys: string[], window_seconds: number): Promise<Attempt[]> {
  const { rows } = await db.raw(
    `insert into login_attempts as l (key, failures, window_ends_at)
     select key, 1, now() + make_interval(secs => ?) from unnest(?::text[]) as key order by key
     on conflict (key) do update set
       failures = case when l.window_ends_at <= now() then 1 else l.failures + 1 end,
       window_ends_at = case when l.window_ends_at <= now() then excluded.window_ends_at else l.window_ends_at end
     returning key, failures, window_ends_at::text as "window"`,
    [window_seconds, keys],
  )
  const counted = new Map<string, Attempt>(
    rows.map(({ key, failures, window }: Attempt & { key: string }) => [key, { failures, window }]),
  )
  return keys.map((key) => counted.get(key) ?? { failures: 0, window: 'infinity' })
}

/** Takes back what was counted for an attempt that turned out to be none, unless its window is over. */
export async function giveAttemptBack(db: Knex, key: string, { window }: Attempt): Promise<void> {
  await db.raw(
    `update login_attempts set failures = failures - 1
     where key = ? and window_ends_at = ?::timestamptz and failures > 0`,
    [key, window],
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
