import { afterAll, beforeAll, expect, it } from 'vitest'
import { runPrepared } from '../../src/storage/prepared.ts'
import { begin } from '../../src/storage/transaction.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let test: TestDatabase

beforeAll(async () => {
  test = await createTestDatabase()
})
afterAll(() => test.drop())

const DOUBLE = { name: 'double', text: 'select $1::int * 2 as doubled' }

it('runs a statement on a connection of the pool, and gives the connection back, also when it fails', async () => {
  const { tokens } = test.database
  expect(await runPrepared(tokens, DOUBLE, [21])).toEqual([{ doubled: 42 }])
  await expect(runPrepared(tokens, DOUBLE, ['no number'])).rejects.toMatchObject({ code: '22P02' })
  expect(tokens.client.pool.numUsed()).toBe(0)
})

it('runs in the transaction that it is given', async () => {
  const { tokens } = test.database
  const transaction = await begin(tokens)
  const id = { name: 'transaction-id', text: 'select pg_current_xact_id()::text as id' }
  const [first] = await runPrepared(transaction, id, [])
  expect(await runPrepared(transaction, id, [])).toEqual([first])
  await transaction.rollback()
  expect(tokens.client.pool.numUsed()).toBe(0)
})
