import { randomBytes } from 'node:crypto'
import { sha256 } from '../../src/base/digest.ts'
import { withClient } from '../servers/postgres.ts'
import { addPerson, addServerOfNotes, withInstallation } from './installation.ts'
import { CLIENT_ID, RESOURCE, SCOPE, type Seed, seen } from './workload.ts'

/** Also the grant of each token, in the same order. */
export type ToolgateSeed = Seed & { grants: string[] }

/** Fills a migrated database: an account, a resource server and `count` access tokens, each of a grant of its own. */
export async function seedToolgate(url: string, count: number): Promise<ToolgateSeed> {
  const [person, credentials] = await withInstallation(url, async (dependencies) => [
    await addPerson(dependencies),
    await addServerOfNotes(dependencies),
  ])
  const tokens = Array.from({ length: count }, () => randomBytes(32).toString('base64url'))
  const grants = tokens.map(() => randomBytes(16).toString('hex'))
  const shared = [person.account_id, CLIENT_ID, RESOURCE, SCOPE]
  await withClient(url, async (client) => {
    await client.query(
      `insert into grants (id, account_id, client_id, resource, scope, scope_versions, payload, expires_at)
       select id, $1, $2, $3, $4, ${seen('$4')}, '{}', now() + interval '1 day' from unnest($5::text[]) as id`,
      [...shared, grants],
    )
    await client.query(
      `insert into access_tokens (id, grant_id, account_id, client_id, resource, scope, expires_at)
       select id, grant_id, $1, $2, $3, $4, now() + interval '1 day'
       from unnest($5::bytea[], $6::text[]) as token(id, grant_id)`,
      [...shared, tokens.map(sha256), grants],
    )
  })
  return { ...credentials, tokens, grants }
}

/** How many introspections the audit log holds. */
export function countIntrospections(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query(
      `select count(*)::int as count from audit_events where type in ('token.introspected', 'tool.decided')`,
    )
    return rows[0].count
  })
}
