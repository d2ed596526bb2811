import type { Knex } from 'knex'
import { PERSONAL_CLIENT_ID } from '../personal-tokens/personal-access-token.ts'
import {
  microseconds,
  type Page,
  type PageWanted,
  type Place,
  pageByMoment,
  type RowsWanted,
} from '../storage/keyset.ts'
import type { ToolUse } from '../usage/usage-store.ts'
import type { GrantView } from './grant-list-store.ts'
import type { RevokedGrant } from './grant-store.ts'

/**
 * SQL of what one person connected. Every statement names the account, so that no id of somebody else's grant reads or
 * changes anything. Personal access tokens are grants too, but nothing that was connected.
 */
const OWN = `g.account_id = :account_id and g.client_id <> '${PERSONAL_CLIENT_ID}' and g.expires_at > now()`

export type Own = { account_id: string; id: string }

/** A tool that was really called, and when last; a hint for people, not evidence. */
type UsedTool = Omit<ToolUse, 'first_used_at'>

export type ConnectedApp = Omit<GrantView, 'account_id' | 'username' | 'refresh_tokens' | 'access_tokens'> & {
  first_used_at: Date | null
  /** The newest first, at most 50. */
  used_tools: UsedTool[]
}

const SELECT = `
  select g.id, g.client_id, coalesce(c.metadata, d.metadata)->>'client_name' as client_name, g.label,
         g.receiver, g.resource, g.scope, g.scope_versions, g.created_at, g.expires_at, g.last_used_at,
         uses.first_used_at, coalesce(uses.tools, '[]') as used_tools,
         ${microseconds('g.created_at')} as at_us
  from grants g
  left join clients c on c.id = g.client_id
  left join metadata_documents d on d.client_id = g.client_id
  left join lateral (
    select (select min(u.first_used_at) from grant_tool_uses u where u.grant_id = g.id) as first_used_at,
           (select json_agg(u) from (
              select tool, last_used_at, allowed, denied from grant_tool_uses
              where grant_id = g.id order by last_used_at desc, tool limit 50) u) as tools) uses on true`

type StoredApp = Omit<ConnectedApp, 'used_tools'> & {
  at_us: string
  used_tools: (Omit<UsedTool, 'last_used_at'> & { last_used_at: string })[]
}

function appOf(row: StoredApp): ConnectedApp & { at_us: string } {
  const used_tools = row.used_tools.map((use) => ({ ...use, last_used_at: new Date(use.last_used_at) }))
  return { ...row, used_tools }
}

/** What is connected now, newest first. Throws `invalid_input` for an invalid cursor. */
export function listConnectedApps(
  db: Knex,
  account_id: string,
  page: PageWanted,
): Promise<Page<ConnectedApp>> {
  const behind = `and (g.created_at, g.id)
    < (timestamptz 'epoch' + cast(:at_us as bigint) * interval '1 microsecond', :id)`
  const list = async ({ limit, after }: RowsWanted<Place>): Promise<(ConnectedApp & { at_us: string })[]> => {
    const sql = `${SELECT} where ${OWN} ${after ? behind : ''} order by g.created_at desc, g.id desc limit :limit`
    return (await db.raw(sql, { account_id, limit, ...after })).rows.map(appOf)
  }
  return pageByMoment(page, list)
}

export async function findConnectedApp(db: Knex, own: Own): Promise<ConnectedApp | undefined> {
  const { rows } = await db.raw(`${SELECT} where ${OWN} and g.id = :id`, own)
  return rows.map(appOf)[0]
}

/** Says whether there was something to name. */
export async function labelConnectedApp(db: Knex, own: Own, label: string | undefined): Promise<boolean> {
  const { rowCount } = await db.raw(`update grants g set label = :label where ${OWN} and g.id = :id`, {
    ...own,
    label: label ?? null,
  })
  return rowCount === 1
}

/** Deletes it with all its codes and tokens; undefined when it is not this account's, or gone already. */
export async function deleteConnectedApp(db: Knex, own: Own): Promise<RevokedGrant | undefined> {
  const { rows } = await db.raw(
    `delete from grants g where ${OWN} and g.id = :id
     returning g.id, g.account_id, g.client_id, g.resource, g.scope`,
    own,
  )
  return rows[0]
}

export async function listLabels(
  db: Knex,
  account_id: string,
  ids: readonly string[],
): Promise<{ id: string; label: string | null }[]> {
  const { rows } = await db.raw(`select g.id, g.label from grants g where ${OWN} and g.id = any(:ids)`, {
    account_id,
    ids: [...ids],
  })
  return rows
}
