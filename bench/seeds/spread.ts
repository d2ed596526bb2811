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

/** Half of the grants were used; each has a refresh token. */
export async function spreadGrants(url: string): Promise<Rarities> {
  return withClient(url, async (client) => {
    const account = await accountId(client, 0)
    await client.query('set synchronous_commit = off')
    const number = "('x' || substr(id, 1, 6))::bit(24)::int"
    await client.query(
      `update grants set account_id = $1, client_id = $2, resource = $3, scope = scope || ' ' || $4
       where ${number} % 100 = 0`,
      [account, RARE.client_id, RARE.resource, RARE.scope],
    )
    await client.query(
      `update grants set last_used_at = created_at + ${number} % 100 * interval '1 hour' where ${number} % 2 = 1`,
    )
    await client.query(
      `insert into refresh_tokens (id, grant_id, payload, created_at, expires_at)
       select sha256(convert_to(id, 'UTF8')), id, '{}', created_at, expires_at from grants`,
    )
    await client.query('vacuum analyze')
    const unused_since = new Date(Date.now() - UNUSED_DAYS * 86_400_000).toISOString()
    return { ...RARE, account, tool: RARE_TOOL, unused_since }
  })
}
