import type { Knex } from 'knex'
import { z } from 'zod'

/**
 * Browser sessions of the OAuth engine, which keep a person signed in while apps ask for access. One that was ended stays
 * as an empty row until it expires: a request that read it before would otherwise write it back.
 */
const ENDED = `'{}'::jsonb`

export type BrowserSession = { id: string; payload: Record<string, unknown> }

export async function putBrowserSession(
  db: Knex,
  row: BrowserSession & { uid: string | undefined; ttl_seconds: number | undefined },
): Promise<void> {
  await db.raw(
    `insert into oidc_payloads (model, id, uid, payload, expires_at)
     values ('Session', ?, ?, ?, now() + make_interval(secs => ?))
     on conflict (model, id) do update
       set uid = excluded.uid, payload = excluded.payload, expires_at = excluded.expires_at
       where oidc_payloads.payload <> ${ENDED}`,
    [row.id, row.uid ?? null, JSON.stringify(row.payload), row.ttl_seconds ?? null],
  )
}

/** The live session, unless its account's sessions begin later than it. */
export async function findBrowserSession(
  db: Knex,
  by: { id: string } | { uid: string },
): Promise<BrowserSession | undefined> {
  return db('oidc_payloads')
    .where({ model: 'Session', ...by })
    .andWhereRaw(
      `expires_at > now() and payload <> ${ENDED} and not exists (
         select 1 from accounts a where a.id = payload->>'accountId'
           and a.sessions_valid_from > to_timestamp(coalesce((payload->>'loginTs')::float8, -1)))`,
    )
    .first('id', 'payload')
}

/** For the engine, when it lets a session go. */
export async function deleteBrowserSession(db: Knex, id: string): Promise<void> {
  await db.raw(`delete from oidc_payloads where model = 'Session' and id = ? and payload <> ${ENDED}`, [id])
}

/** Ends every one, and every sign-in under way; for when no server runs. How many there were. */
export function deleteAllBrowserSessions(db: Knex): Promise<number> {
  return db('oidc_payloads').whereIn('model', ['Session', 'Interaction']).delete()
}

/** A sign-in as lists show it; its id is the engine's second name for it, which opens nothing. */
export const browserSignIn = z.object({ id: z.string(), signed_in_at: z.date(), expires_at: z.date() })
export type BrowserSignIn = z.infer<typeof browserSignIn>

const OF_ACCOUNT = `model = 'Session' and payload->>'accountId' = ?`

/** The newest first. */
export async function listBrowserSignIns(
  db: Knex,
  account_id: string,
  limit: number,
): Promise<BrowserSignIn[]> {
  const { rows } = await db.raw(
    `select uid as id, to_timestamp((payload->>'loginTs')::float8) as signed_in_at, expires_at
     from oidc_payloads where ${OF_ACCOUNT} and expires_at > now() and uid is not null
     order by 2 desc, 1 limit ?`,
    [account_id, limit],
  )
  return rows
}

/** Ends one, if it is the account's; whether it was there. */
export async function endBrowserSignIn(db: Knex, account_id: string, id: string): Promise<boolean> {
  const { rowCount } = await db.raw(
    `update oidc_payloads set payload = ${ENDED} where ${OF_ACCOUNT} and uid = ? and expires_at > now()`,
    [account_id, id],
  )
  return rowCount === 1
}

/** Ends all of an account; how many were live. */
export async function endBrowserSignIns(db: Knex, account_id: string): Promise<number> {
  const { rowCount } = await db.raw(
    `update oidc_payloads set payload = ${ENDED} where ${OF_ACCOUNT} and expires_at > now()`,
    [account_id],
  )
  return rowCount
}
