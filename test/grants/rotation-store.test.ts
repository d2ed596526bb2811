import type pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readRefreshStates, rotateRefreshTokens } from '../../src/grants/rotation-store.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { inShortTransaction } from '../../src/storage/short-transaction.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let test: TestDatabase
/** With one connection for token requests. */
let database: Database

beforeAll(async () => {
  test = await createTestDatabase()
  database = openDatabase({ url: test.url, pool_max: 2 })
  await test.database.knex.raw('analyze')
})
afterAll(async () => {
  await database.close()
  await test.drop()
})

/** How Postgres goes on running a statement that was prepared on this connection. */
async function planOf(name: string, parameters: number): Promise<string> {
  const connection: pg.Client = await database.tokens.client.acquireConnection()
  try {
    const nulls = Array.from({ length: parameters }, () => 'null').join(', ')
    const { rows } = await connection.query(`explain (costs off) execute "${name}"(${nulls})`)
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  } finally {
    await database.tokens.client.releaseConnection(connection)
  }
}

it('what a refresh is decided by is looked up by key, also when it was planned while the tables were empty', async () => {
  await readRefreshStates(database.tokens, [Buffer.alloc(32)])
  const plan = await planOf('refresh-states', 1)
  for (const key of ['refresh_tokens_pkey', 'grants_pkey', 'accounts_pkey', 'clients_pkey'])
    expect(plan).toMatch(new RegExp(`using ${key} .*\\n +Index Cond:`))
  expect(plan).not.toMatch(/Seq Scan on (?!catalogue)/)
})

it('a rotation finds its rows by key, also when it was planned while the tables were empty', async () => {
  await inShortTransaction(database.tokens, async (connection) => ({
    result: await rotateRefreshTokens(connection, []),
    is_committed: false,
  }))
  const plan = await planOf('rotate-refresh-tokens', 13)
  expect(plan).toMatch(/(using|on) grants_pkey.*\n +Index Cond: \(id = ANY/)
  expect(plan).toMatch(/(using|on) refresh_tokens_pkey.*\n +Index Cond: .*id = /)
  expect(plan).not.toContain('Seq Scan')
})
