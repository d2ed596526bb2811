import { randomBytes } from 'node:crypto'
import { createAccount } from '../src/accounts/accounts.ts'
import { AuditLog } from '../src/audit/audit-log.ts'
import { sha256 } from '../src/clients/client-secret.ts'
import { addResourceServer } from '../src/clients/resource-servers.ts'
import { openDatabase } from '../src/storage/database.ts'
import { CLIENT_ID, RESOURCE, SCOPE, type Seed } from './workload.ts'

/** Fills a migrated database: an account, a resource server and `count` access tokens, each of a grant of its own. */
export async function seedToolgate(url: string, count: number): Promise<Seed> {
  const database = openDatabase({ url, application_name: 'toolgate-bench' })
  const audit = new AuditLog(database.hot)
  const dependencies = { db: database.knex, audit }
  const actor = 'bench'
  try {
    const person = { username: 'bench', password: randomBytes(16).toString('hex'), roles: ['editor'], actor }
    const { id: account_id } = await createAccount(dependencies, person)
    const credentials = await addResourceServer(dependencies, { resource: RESOURCE, actor })
    const tokens = Array.from({ length: count }, () => randomBytes(32).toString('base64url'))
    const grants = tokens.map(() => randomBytes(16).toString('hex'))
    const shared = [account_id, CLIENT_ID, RESOURCE, SCOPE]
    await database.knex.raw(
      `insert into grants (id, account_id, client_id, resource, scope, payload, expires_at)
       select id, ?, ?, ?, ?, '{}', now() + interval '1 day' from unnest(?::text[]) as id`,
      [...shared, grants],
    )
    await database.knex.raw(
      `insert into access_tokens (id, grant_id, account_id, client_id, resource, scope, expires_at)
       select id, grant_id, ?, ?, ?, ?, now() + interval '1 day'
       from unnest(?::bytea[], ?::text[]) as token(id, grant_id)`,
      [...shared, tokens.map(sha256), grants],
    )
    return { ...credentials, tokens }
  } finally {
    await audit.close()
    await database.close()
  }
}

/** How many introspections the audit log holds. */
export async function countIntrospections(url: string): Promise<number> {
  const database = openDatabase({ url, application_name: 'toolgate-bench', statement_timeout_ms: 0 })
  try {
    const { rows } = await database.knex.raw(
      `select count(*)::int as count from audit_events where type in ('token.introspected', 'tool.decided')`,
    )
    return rows[0].count
  } finally {
    await database.close()
  }
}
