import { sha256 } from '../../src/base/digest.ts'
import type { Tokens, Toolgate } from './toolgate.ts'

/** Families of refresh tokens, seen from the database. */
export async function grantOf(toolgate: Toolgate, refresh_token: string): Promise<string> {
  const row = await toolgate.db.database
    .knex('refresh_tokens')
    .where({ id: sha256(refresh_token) })
    .first('grant_id')
  if (!row) throw new Error('this refresh token is not stored')
  return row.grant_id
}

export async function liveRefreshTokens(toolgate: Toolgate, grant_id: string): Promise<number> {
  const [row] = await toolgate.db.database
    .knex('refresh_tokens')
    .where({ grant_id })
    .whereNull('consumed_at')
    .count({ live: '*' })
  return Number(row?.live)
}

/** Lets the grace of everything that was spent pass, by moving when it was spent. */
export async function passGrace(toolgate: Toolgate, grant_id: string): Promise<void> {
  const { knex } = toolgate.db.database
  await knex('refresh_tokens')
    .where({ grant_id })
    .whereNotNull('consumed_at')
    .update({ consumed_at: knex.raw("consumed_at - interval '31 seconds'") })
}

/** How many rows are left of a grant, and how many rows belong to no grant at all. */
export async function remains(toolgate: Toolgate, grant_id: string) {
  const { rows } = await toolgate.db.database.knex.raw(
    `select (select count(*)::int from grants where id = :grant_id) as grants,
            (select count(*)::int from (
               select grant_id from authorization_codes union all select grant_id from refresh_tokens
               union all select grant_id from access_tokens) t where grant_id = :grant_id) as tokens,
            (select count(*)::int from (
               select grant_id from authorization_codes union all select grant_id from refresh_tokens
               union all select grant_id from access_tokens) t
             where not exists (select 1 from grants g where g.id = t.grant_id)) as orphans`,
    { grant_id },
  )
  return rows[0] as { grants: number; tokens: number; orphans: number }
}

export const NOTHING = { grants: 0, tokens: 0, orphans: 0 }

/** Every status that came, each once, sorted. */
export function statusesOf(responses: readonly Response[]): number[] {
  return [...new Set(responses.map(({ status }) => status))].sort()
}

export function bodiesOf(responses: readonly Response[]): Promise<(Tokens & { error?: string })[]> {
  return Promise.all(responses.map(async (each) => (await each.json()) as Tokens & { error?: string }))
}

/** The distinct pairs of tokens in some answers. */
export function successors(bodies: readonly Tokens[]): string[] {
  return [...new Set(bodies.map(({ access_token, refresh_token }) => `${access_token} ${refresh_token}`))]
}
