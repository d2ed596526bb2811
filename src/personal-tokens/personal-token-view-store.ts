import type { Knex } from 'knex'
import { z } from 'zod'
import { byMoment, type Page, type PageWanted, pageByMoment } from '../storage/keyset.ts'
import { PERSONAL_CLIENT_ID } from './personal-access-token.ts'
import type { TokenName } from './personal-token-store.ts'

/** How people see personal access tokens: lists, newest first, and one with its values. */
export type TokenFilter = {
  /** An id; a username too where `account_id` is not what narrows the list to its owner. */
  account?: string | undefined
  account_id?: string | undefined
  resource?: string | undefined
  expiring_days?: number | undefined
}

export const storedTokenView = z.object({
  id: z.string(),
  name: z.string(),
  account_id: z.string(),
  username: z.string(),
  resource: z.string(),
  role: z.string(),
  scope: z.string(),
  created_by: z.string(),
  created_at: z.date(),
  rotated_at: z.date().nullable(),
  expires_at: z.date(),
  last_used_at: z.date().nullable(),
  values_alive: z.int().describe('2 while a rotation overlaps'),
})
export type TokenRow = z.infer<typeof storedTokenView> & {
  account_roles: string[]
  used_by: string | null
  scope_versions: number[]
}

function live(db: Knex): Knex.QueryBuilder {
  return db('grants as g')
    .join('personal_access_tokens as p', 'p.grant_id', 'g.id')
    .join('accounts as a', 'a.id', 'g.account_id')
    .where('g.client_id', PERSONAL_CLIENT_ID)
    .whereRaw('g.expires_at > now()')
    .select('g.id', 'p.name', 'g.account_id', 'a.username', 'a.roles as account_roles', 'g.resource')
    .select(
      'p.role',
      'g.scope',
      'g.scope_versions',
      'p.created_by',
      'g.created_at',
      'p.rotated_at',
      'g.expires_at',
    )
    .select('g.last_used_at', 'p.used_by')
    .select(
      db.raw(`(select count(*)::int from access_tokens t
               where t.grant_id = g.id and t.expires_at > now()) as values_alive`),
    )
}

/** Newest first. Throws `invalid_input` for an invalid cursor. */
export function listPersonalTokenRows(
  db: Knex,
  { account, account_id, resource, expiring_days }: TokenFilter,
  page: PageWanted,
): Promise<Page<TokenRow>> {
  const query = live(db)
  if (account !== undefined) query.where('g.account_id', 'in', ownersNamed(db, account))
  if (account_id !== undefined) query.where('g.account_id', account_id)
  if (resource !== undefined) query.where('g.resource', resource)
  if (expiring_days !== undefined)
    query.whereRaw('g.expires_at <= now() + make_interval(days => ?)', [expiring_days])
  const order = { moment: 'g.created_at', id: 'g.id' }
  return pageByMoment(page, (wanted) => byMoment(db, query, wanted, order))
}

function ownersNamed(db: Knex, account: string): Knex.QueryBuilder {
  return db('accounts').where({ id: account }).orWhere({ username: account.toLowerCase() }).select('id')
}

export async function findPersonalToken(
  db: Knex,
  { id, account_id }: TokenName,
): Promise<TokenRow | undefined> {
  const query = live(db).where('g.id', id)
  if (account_id !== undefined) query.where('g.account_id', account_id)
  return query.first()
}

export const tokenValue = z.object({
  id: z.string().describe('The SHA-256 of the value, as the audit log names it'),
  created_at: z.date(),
  expires_at: z.date(),
  newest: z.boolean(),
})
export type TokenValue = z.infer<typeof tokenValue>

/** The values that open something now, newest first. */
export async function listValues(db: Knex, grant_id: string): Promise<TokenValue[]> {
  const rows: (Omit<TokenValue, 'id'> & { id: Buffer })[] = await db('access_tokens as t')
    .join('personal_access_tokens as p', 'p.grant_id', 't.grant_id')
    .where('t.grant_id', grant_id)
    .whereRaw('t.expires_at > now()')
    .orderByRaw('t.id = p.newest_value desc')
    .select('t.id', 't.issued_at as created_at', 't.expires_at', db.raw('t.id = p.newest_value as newest'))
  return rows.map((row) => ({ ...row, id: row.id.toString('base64url') }))
}
