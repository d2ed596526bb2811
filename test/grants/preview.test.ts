import { afterAll, beforeAll, expect, it } from 'vitest'
import { insertAccount } from '../../src/accounts/account-store.ts'
import { sha256 } from '../../src/base/digest.ts'
import { putGrant } from '../../src/grants/grant-store.ts'
import { previewRevocation } from '../../src/grants/preview.ts'
import { insertAccessToken, insertSpentOnce } from '../../src/grants/token-store.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let test: TestDatabase

beforeAll(async () => {
  test = await createTestDatabase()
  for (const name of ['kim', 'lee'])
    await insertAccount(test.database.knex, {
      id: `usr_${name}`,
      username: name,
      password_hash: 'x',
      roles: [],
    })
  await test.database.knex('clients').insert({ id: 'cl_1', metadata: '{"client_name":"Notes app"}' })
})
afterAll(() => test.drop())

async function grant(id: string, account_id: string, client_id: string): Promise<void> {
  const { knex } = test.database
  const row = { account_id, client_id, resource: 'https://r.example', scope: 'read' }
  await putGrant(knex, { ...row, id, payload: {}, ttl_seconds: 3_600 })
  const owned = { grant_id: id, ttl_seconds: 3_600 }
  await insertSpentOnce(knex, 'refresh_tokens', { ...owned, id: sha256(id), payload: {} })
  for (const n of [1, 2])
    await insertAccessToken(knex, { ...owned, ...row, id: sha256(`${id} ${n}`), gty: undefined })
}

it('says what will stop working, and nothing about what stays', async () => {
  await grant('g1', 'usr_kim', 'cl_1')
  await grant('g2', 'usr_kim', 'cl_2')
  await grant('g3', 'usr_lee', 'cl_1')
  const { knex } = test.database
  const now = new Date()
  const uses = { first_used_at: now, last_used_at: now, allowed: 1, denied: 0 }
  await knex('grants').where({ id: 'g1' }).update({ last_used_at: now })
  await knex('grant_tool_uses').insert([
    { grant_id: 'g1', tool: 'get_note', ...uses },
    { grant_id: 'g1', tool: '', ...uses },
    { grant_id: 'g2', tool: 'get_note', ...uses },
    { grant_id: 'g2', tool: 'long_ago', ...uses, last_used_at: '2026-01-01' },
    { grant_id: 'g3', tool: 'create_note', ...uses },
  ])
  expect(await previewRevocation({ db: knex }, { account: 'kim' })).toEqual({
    grants: 2,
    accounts: 1,
    clients: 2,
    refresh_tokens: 2,
    access_tokens: 4,
    used_last_week: 1,
    resources: ['https://r.example'],
    tools: [{ tool: 'get_note', grants: 2, last_used_at: now }],
    account_names: [{ account_id: 'usr_kim', username: 'kim', grants: 2 }],
    client_names: [
      { client_id: 'cl_1', client_name: 'Notes app', grants: 1 },
      { client_id: 'cl_2', client_name: null, grants: 1 },
    ],
  })
  expect(await previewRevocation({ db: knex }, { ids: ['gone'] })).toMatchObject({ grants: 0, resources: [] })
  await expect(previewRevocation({ db: knex }, {})).rejects.toMatchObject({ code: 'invalid_input' })
})
