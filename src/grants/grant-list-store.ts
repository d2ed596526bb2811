import type { Knex } from 'knex'
import { z } from 'zod'
import { PERSONAL_CLIENT_ID, PERSONAL_CLIENT_NAME } from '../personal-tokens/personal-access-token.ts'
import { byMoment, type PageWanted, type Place, pageByMoment, type RowsWanted } from '../storage/keyset.ts'
import { type GrantFilter, LAST_SIGN, matchingGrants, resolveFilter } from './grant-store.ts'

/** SQL of lists of grants and refresh tokens, as operators and people see them. Pages are found by where the last ended. */
export const grantView = z.object({
  id: z.string(),
  account_id: z.string(),
  username: z.string(),
  client_id: z.string(),
  client_name: z.string().nullable(),
  label: z.string().nullable().describe('What the person calls this installation'),
  receiver: z.string().nullable(),
  resource: z.string().nullable(),
  scope: z.string(),
  scope_versions: z
    .array(z.int())
    .describe('For each scope the version of the catalogue that the person saw'),
  created_at: z.date(),
  expires_at: z.date(),
  last_used_at: z.date().nullable().describe('To the minute'),
  refresh_tokens: z.int(),
  access_tokens: z.int(),
})
export type GrantView = z.infer<typeof grantView>

export type PageOf<Name extends string, View> = Record<Name, View[]> & { next?: string }

/** The page is cut first and the rest is looked up for its rows only, whatever the planner believes about the tables. */
function withNames(db: Knex, page: Knex.QueryBuilder): Knex.QueryBuilder {
  return db
    .from(page.as('g'))
    .join('accounts as a', 'a.id', 'g.account_id')
    .leftJoin('clients as c', 'c.id', 'g.client_id')
    .leftJoin('metadata_documents as d', 'd.client_id', 'g.client_id')
    .select(
      'g.*',
      'a.username',
      db.raw(
        "case g.client_id when ? then ? else coalesce(c.metadata, d.metadata)->>'client_name' end as client_name",
        [PERSONAL_CLIENT_ID, PERSONAL_CLIENT_NAME],
      ),
      db.raw(`(select count(*)::int from refresh_tokens r where r.grant_id = g.id
               and r.consumed_at is null and r.expires_at > now()) as refresh_tokens`),
      db.raw(`(select count(*)::int from access_tokens t where t.grant_id = g.id
               and t.expires_at > now()) as access_tokens`),
    )
}

const COLUMNS = [
  'g.id',
  'g.account_id',
  'g.client_id',
  'g.label',
  'g.receiver',
  'g.resource',
  'g.scope',
  'g.scope_versions',
  'g.created_at',
  'g.expires_at',
  'g.last_used_at',
]

/**
 * Live grants, newest first; those looked for by `unused_since` begin with the one that was not heard of for longest.
 * `before` is the id of the last grant of the page before. Throws `invalid_input` for an invalid cursor.
 */
export async function listGrants(
  db: Knex,
  filter: GrantFilter,
  { before, ...page }: PageWanted & { before?: string | undefined },
): Promise<PageOf<'grants', GrantView>> {
  const [moment, order, beyond] =
    filter.unused_since === undefined ? ['g.created_at', 'desc', '<'] : [LAST_SIGN, 'asc', '>']
  const query = matchingGrants(db, await resolveFilter(db, filter)).select(...COLUMNS)
  if (before !== undefined) {
    const last = `select ${moment}, g.id from grants g where g.id = ?`
    query.whereRaw(`(${moment}, g.id) ${beyond} (${last})`, [before])
  }
  const list = (wanted: RowsWanted<Place>): Promise<(GrantView & { at_us: string })[]> =>
    withNames(db, byMoment(db, query, wanted, { moment, id: 'g.id', order })).orderByRaw(
      `g.at_us::bigint ${order}, g.id ${order}`,
    )
  const { rows, ...more } = await pageByMoment(page, list)
  return { grants: rows, ...more }
}

export const refreshTokenView = z.object({
  id: z.string(),
  grant_id: z.string(),
  account_id: z.string(),
  username: z.string(),
  client_id: z.string(),
  resource: z.string().nullable(),
  scope: z.string(),
  created_at: z.date(),
  expires_at: z.date(),
})
export type RefreshTokenView = z.infer<typeof refreshTokenView>

/** Live refresh tokens, newest first. `id` is the base64url SHA-256 of the token: it names it and opens nothing. */
export async function listRefreshTokens(
  db: Knex,
  filter: GrantFilter,
  page: PageWanted,
): Promise<PageOf<'refresh_tokens', RefreshTokenView>> {
  const query = matchingGrants(db, await resolveFilter(db, filter))
    .join('refresh_tokens as r', 'r.grant_id', 'g.id')
    .whereNull('r.consumed_at')
    .whereRaw('r.expires_at > now()')
    .select('r.id', 'r.grant_id', 'g.account_id', 'g.client_id', 'g.resource', 'g.scope')
    .select('r.created_at', 'r.expires_at')
  const { refresh_token_id } = filter
  if (refresh_token_id !== undefined) query.where('r.id', Buffer.from(refresh_token_id, 'base64url'))
  const list = async ({ limit, after }: RowsWanted<Place>) => {
    const behind = after && { ...after, id: Buffer.from(after.id, 'base64url') }
    const order = { moment: 'r.created_at', id: 'r.id' }
    const found: (Omit<RefreshTokenView, 'id'> & { id: Buffer; at_us: string })[] = await db
      .from(byMoment(db, query, { limit, after: behind }, order).as('r'))
      .join('accounts as a', 'a.id', 'r.account_id')
      .select('r.*', 'a.username')
      .orderByRaw('r.at_us::bigint desc, r.id desc')
    return found.map((row) => ({ ...row, id: row.id.toString('base64url') }))
  }
  const { rows, ...more } = await pageByMoment(page, list)
  return { refresh_tokens: rows, ...more }
}
