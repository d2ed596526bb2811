import type { Knex } from 'knex'
import { z } from 'zod'

/** SQL of the operator's overview: bounded, however many grants there are. */

/** Live grants, counted up to `count_max`; of more, what Postgres believes of the table, which may include some that expired. */
export async function countLiveGrants(
  db: Knex,
  count_max: number,
): Promise<{ count: number; exact: boolean }> {
  const { rows } = await db.raw<{ rows: [{ counted: number; believed: number }] }>(
    `select (select count(*)::int from (select from grants where expires_at > now() limit :limit) as live) as counted,
            (select greatest(reltuples, 0)::float8 from pg_class where oid = 'grants'::regclass) as believed`,
    { limit: count_max + 1 },
  )
  const [{ counted, believed }] = rows
  if (counted <= count_max) return { count: counted, exact: true }
  return { count: Math.max(counted, Math.round(believed)), exact: false }
}

export const expiringPersonalToken = z.object({
  grant_id: z.string(),
  name: z.string(),
  username: z.string(),
  resource: z.string().nullable(),
  expires_at: z.date(),
})
type ExpiringPersonalToken = z.infer<typeof expiringPersonalToken>

/** Live personal access tokens that expire within `days`, the next first; by an index of them alone. */
export async function expiringPersonalTokens(
  db: Knex,
  { days, limit }: { days: number; limit: number },
): Promise<ExpiringPersonalToken[]> {
  const { rows } = await db.raw<{ rows: ExpiringPersonalToken[] }>(
    `select g.id as grant_id, p.name, a.username, g.resource, g.expires_at
     from grants g join personal_access_tokens p on p.grant_id = g.id join accounts a on a.id = g.account_id
     where g.client_id = 'personal-access-token' and g.expires_at > now()
       and g.expires_at < now() + make_interval(days => ?)
     order by g.expires_at limit ?`,
    [days, limit],
  )
  return rows
}

export const expiringOperatorToken = z.object({ id: z.string(), name: z.string(), expires_at: z.date() })
type ExpiringOperatorToken = z.infer<typeof expiringOperatorToken>

export async function expiringOperatorTokens(
  db: Knex,
  { days, limit }: { days: number; limit: number },
): Promise<ExpiringOperatorToken[]> {
  const { rows } = await db.raw<{ rows: ExpiringOperatorToken[] }>(
    `select id, name, expires_at from operator_tokens
     where expires_at > now() and expires_at < now() + make_interval(days => ?)
     order by expires_at limit ?`,
    [days, limit],
  )
  return rows
}

/** When the newest checkpoint of the audit log was signed and how long ago that is by the database's clock. */
export async function newestCheckpointAge(
  db: Knex,
): Promise<{ created_at: Date; age_seconds: number } | undefined> {
  return db('audit_checkpoints')
    .orderBy('id', 'desc')
    .first('created_at', db.raw('extract(epoch from now() - created_at)::float8 as age_seconds'))
}
