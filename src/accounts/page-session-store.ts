import type { Knex } from 'knex'

/** Who is signed in to the pages, by the SHA-256 of the cookie's value. */
export type PageSessionRow = {
  account_id: string
  ip: string | undefined
  user_agent: string | undefined
  ttl_seconds: number
}

export type PageSessionView = {
  /** Names the session in lists; opens nothing. */
  id: string
  account_id: string
  created_at: Date
  last_seen_at: Date
  expires_at: Date
  ip: string | null
  user_agent: string | null
}

const VIEW = ['account_id', 'created_at', 'last_seen_at', 'expires_at', 'ip', 'user_agent'] as const
/** A session's time is written at most this often. */
const SEEN_AGAIN = "interval '1 minute'"

export async function insertPageSession(db: Knex, id: Buffer, row: PageSessionRow): Promise<void> {
  await db.raw(
    `insert into page_sessions (id, account_id, ip, user_agent, expires_at)
     values (?, ?, ?, ?, now() + make_interval(secs => ?))`,
    [id, row.account_id, row.ip ?? null, row.user_agent ?? null, row.ttl_seconds],
  )
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

export async function deletePageSession(db: Knex, id: Buffer): Promise<boolean> {
  return (await db('page_sessions').where({ id }).delete()) === 1
}

/** The live sessions of an account, the newest first. */
export async function listPageSessions(db: Knex, account_id: string): Promise<PageSessionView[]> {
  const rows: (Omit<PageSessionView, 'id'> & { id: Buffer })[] = await db('page_sessions')
    .where({ account_id })
    .andWhereRaw('expires_at > now()')
    .orderBy('created_at', 'desc')
    .select('id', ...VIEW)
  return rows.map((row) => ({ ...row, id: row.id.toString('base64url') }))
}
