import type { Knex } from 'knex'
import { z } from 'zod'

/** Who is signed in to the pages, by the SHA-256 of the cookie's value. */
export type PageSessionRow = {
  account_id: string
  ip: string | undefined
  user_agent: string | undefined
  /** When the password was found right, as `confirmSignIn` says. */
  signed_in_at_seconds: number
  ttl_seconds: number
}

export const pageSessionView = z.object({
  id: z.string().describe('Names the session; opens nothing'),
  created_at: z.date(),
  last_seen_at: z.date(),
  expires_at: z.date(),
  ip: z.string().nullable(),
  user_agent: z.string().nullable(),
})
export type PageSessionView = z.infer<typeof pageSessionView>

const VIEW = ['created_at', 'last_seen_at', 'expires_at', 'ip', 'user_agent'] as const
/** A session's time is written at most this often. */
const SEEN_AGAIN = "interval '1 minute'"

/**
 * When somebody with this password signs in now, in seconds since 1970; undefined when the account is disabled or its
 * password another by now. Never earlier than what the account's sessions begin with: waits for a change under way.
 */
export async function confirmSignIn(
  db: Knex,
  { id, password_hash }: { id: string; password_hash: string },
): Promise<number | undefined> {
  const { rows } = await db.raw(
    `select extract(epoch from greatest(date_trunc('second', now()), sessions_valid_from))::float8 as seconds
     from accounts where id = ? and password_hash = ? and disabled_at is null for share`,
    [id, password_hash],
  )
  return rows[0]?.seconds
}

/** False when the account was disabled, or signed out everywhere, since that sign-in. */
export async function insertPageSession(db: Knex, id: Buffer, row: PageSessionRow): Promise<boolean> {
  const { rowCount } = await db.raw(
    `insert into page_sessions (id, account_id, ip, user_agent, expires_at)
     select ?, a.id, ?, ?, now() + make_interval(secs => ?)
     from accounts a where a.id = ? and a.disabled_at is null and a.sessions_valid_from <= to_timestamp(?) for share`,
    [id, row.ip ?? null, row.user_agent ?? null, row.ttl_seconds, row.account_id, row.signed_in_at_seconds],
  )
  return rowCount === 1
}

export type FoundSession = { account_id: string; username: string; roles: string[] }

/** The live session and its account, unless that is disabled. `idle_seconds`: how long it may have been silent. */
export async function findPageSession(
  db: Knex,
  id: Buffer,
  idle_seconds: number,
): Promise<FoundSession | undefined> {
  const { rows } = await db.raw(
    `with found as (
       select s.id, s.last_seen_at, a.id as account_id, a.username, a.roles
       from page_sessions s join accounts a on a.id = s.account_id and a.disabled_at is null
       where s.id = ? and s.expires_at > now() and s.last_seen_at > now() - make_interval(secs => ?)
     ), seen as (
       update page_sessions p set last_seen_at = now() from found
       where p.id = found.id and found.last_seen_at < now() - ${SEEN_AGAIN}
     )
     select account_id, username, roles from found`,
    [id, idle_seconds],
  )
  return rows[0]
}

/** The same without taking note that it was seen. */
export async function lookAtPageSession(
  db: Knex,
  id: Buffer,
  idle_seconds: number,
): Promise<FoundSession | undefined> {
  return db('page_sessions as s')
    .join('accounts as a', 'a.id', 's.account_id')
    .where('s.id', id)
    .whereNull('a.disabled_at')
    .whereRaw('s.expires_at > now() and s.last_seen_at > now() - make_interval(secs => ?)', [idle_seconds])
    .first('s.account_id', 'a.username', 'a.roles')
}

/** Ends one, if it is the account's; whether it was there. */
export async function deletePageSession(db: Knex, account_id: string, id: Buffer): Promise<boolean> {
  return (await db('page_sessions').where({ id, account_id }).delete()) === 1
}

/** Ends every one; how many there were. */
export function deleteAllPageSessions(db: Knex): Promise<number> {
  return db('page_sessions').delete()
}

/** Ends all of an account but `except`; how many there were. */
export async function deletePageSessions(db: Knex, account_id: string, except?: Buffer): Promise<number> {
  const query = db('page_sessions').where({ account_id })
  if (except) query.whereNot({ id: except })
  return query.delete()
}

/**
 * Sign-ins of the account that are under way or known only to a request count no more. Holds the account until the
 * transaction ends, so that no session begins meanwhile.
 */
export async function endSignInsUnderWay(trx: Knex, account_id: string): Promise<void> {
  await trx.raw(
    `update accounts set sessions_valid_from =
       greatest(date_trunc('second', clock_timestamp()), sessions_valid_from) + interval '1 second'
     where id = ?`,
    [account_id],
  )
}

/** The live sessions of an account, the newest first. `idle_seconds`: as for `findPageSession`. */
export async function listPageSessions(
  db: Knex,
  account_id: string,
  { idle_seconds, limit }: { idle_seconds: number; limit: number },
): Promise<PageSessionView[]> {
  const rows: (Omit<PageSessionView, 'id'> & { id: Buffer })[] = await db('page_sessions')
    .where({ account_id })
    .andWhereRaw('expires_at > now() and last_seen_at > now() - make_interval(secs => ?)', [idle_seconds])
    .orderBy('created_at', 'desc')
    .limit(limit)
    .select('id', ...VIEW)
  return rows.map((row) => ({ ...row, id: row.id.toString('base64url') }))
}
