import { withClient } from '../servers/postgres.ts'
import { accountId, RARE_TOOL } from './years.ts'

/** Makes the grants of `seedYears` differ: one in a hundred is of one account, of a rare client, on a rare resource, with a rare scope. */
export type Rarities = {
  account: string
  client_id: string
  resource: string
  scope: string
  tool: string
  unused_since: string
}

const RARE = { client_id: 'a-rare-client', resource: 'http://localhost:4009/mcp', scope: 'notes:delete' }
const UNUSED_DAYS = 3
/** Evenly spread over the grants. */
const NUMBER = "('x' || substr(id, 1, 6))::bit(24)::int"

/** As many clients, and personal access tokens, as a tenth of the grants. */
const CLIENTS = `
  insert into clients (id, metadata, created_at)
  select 'cl_of_' || id, json_build_object('client_name', 'Client of ' || id, 'redirect_uris', '{}'::text[]), created_at
  from grants where ${NUMBER} % 10 = 0`
const PERSONAL_GRANTS = `
  insert into grants (id, account_id, client_id, resource, scope, scope_versions, payload, created_at, expires_at)
  select 'pat_' || id, account_id, 'personal-access-token', resource, scope, scope_versions, '{}', created_at, expires_at
  from grants where ${NUMBER} % 10 = 1`
const PERSONAL_TOKENS = `
  insert into personal_access_tokens (grant_id, name, role, created_by, newest_value)
  select id, 'script', 'read-only', account_id, sha256(convert_to(id, 'UTF8')) from grants where id like 'pat\\_%'`
const PERSONAL_VALUES = `
  insert into access_tokens (id, grant_id, account_id, client_id, resource, scope, expires_at)
  select sha256(convert_to(id, 'UTF8')), id, account_id, client_id, resource, scope, expires_at
  from grants where id like 'pat\\_%'`

/** Half of the grants were used; each has a refresh token. */
export async function spreadGrants(url: string): Promise<Rarities> {
  return withClient(url, async (client) => {
    const account = await accountId(client, 0)
    await client.query('set synchronous_commit = off')
    await client.query(
      `update grants set account_id = $1, client_id = $2, resource = $3, scope = scope || ' ' || $4,
         scope_versions = scope_versions || 1
       where ${NUMBER} % 100 = 0`,
      [account, RARE.client_id, RARE.resource, RARE.scope],
    )
    await client.query(
      `update grants set last_used_at = created_at + ${NUMBER} % 100 * interval '1 hour' where ${NUMBER} % 2 = 1`,
    )
    await client.query(
      `insert into refresh_tokens (id, grant_id, payload, created_at, expires_at)
       select sha256(convert_to(id, 'UTF8')), id, '{}', created_at, expires_at from grants`,
    )
    for (const statement of [CLIENTS, PERSONAL_GRANTS, PERSONAL_TOKENS, PERSONAL_VALUES])
      await client.query(statement)
    await client.query('vacuum analyze')
    const unused_since = new Date(Date.now() - UNUSED_DAYS * 86_400_000).toISOString()
    return { ...RARE, account, tool: RARE_TOOL, unused_since }
  })
}
