import { afterAll, beforeAll, expect, it } from 'vitest'
import { insertAccount } from '../../src/accounts/account-store.ts'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import { revokeGrants } from '../../src/grants/grants.ts'
import { previewRevocation } from '../../src/grants/preview.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TEST } from '../support/origins.ts'

let test: TestDatabase

beforeAll(async () => {
  test = await createTestDatabase()
  await insertAccount(test.database.knex, { id: 'usr_kim', username: 'kim', password_hash: 'x', roles: [] })
})
afterAll(() => test.drop())

async function give(count: number): Promise<void> {
  const { knex } = test.database
  await knex.raw(
    `insert into grants (id, account_id, client_id, resource, scope, payload, expires_at)
     select 'gr_' || n, 'usr_kim', 'cl_' || n % 100, 'https://r.example', 'read write', '{}', now() + interval '1 day'
     from generate_series(1, ?::int) n`,
    [count],
  )
  await knex.raw(
    `insert into refresh_tokens (id, grant_id, payload, expires_at)
     select sha256(id::bytea), id, '{}', expires_at from grants`,
  )
  await knex.raw(
    `insert into access_tokens (id, grant_id, account_id, client_id, resource, scope, expires_at)
     select sha256((id || n)::bytea), id, account_id, client_id, resource, scope, expires_at
     from grants, generate_series(1, 3) n`,
  )
  await knex.raw(`insert into grant_tool_uses select id, 'get_note', now(), now(), 1, 0 from grants`)
}

/** How many transactions wrote the events: rows of one have the same xmin. */
async function transactions(): Promise<number> {
  const { rows } = await test.database.knex.raw(
    "select count(distinct xmin::text)::int as count from audit_events where type = 'grant.revoked'",
  )
  return rows[0].count
}

it('10,000 grants of one account go in one transaction with their events', async () => {
  await give(10_001)
  const { knex, hot } = test.database
  const audit = new AuditLog(hot)
  const preview = await previewRevocation({ db: knex }, { account: 'kim' })
  expect(preview).toMatchObject({
    grants: 10_001,
    refresh_tokens: 10_001,
    access_tokens: 10_001,
    clients: 100,
  })
  await knex('grants').where({ id: 'gr_10001' }).delete()

  const { revoked } = await revokeGrants({ db: knex, audit }, { account: 'kim' }, TEST)
  expect(new Set(revoked).size).toBe(10_000)
  expect(await transactions()).toBe(1)
  for (const table of ['grants', 'refresh_tokens', 'access_tokens', 'grant_tool_uses'])
    expect(await knex(table).first()).toBeUndefined()

  await give(10_001)
  expect((await revokeGrants({ db: knex, audit }, { client_id: 'cl_1' }, TEST)).revoked).toHaveLength(101)
  await audit.close()
})
