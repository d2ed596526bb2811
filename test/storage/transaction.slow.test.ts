import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Database, isUnavailable, openDatabase } from '../../src/storage/database.ts'
import { begin, commit, inTransaction } from '../../src/storage/transaction.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { PostgresProxy } from '../support/postgres-proxy.ts'

let test: TestDatabase
let proxy: PostgresProxy
let database: Database

beforeEach(async () => {
  test = await createTestDatabase()
  proxy = await PostgresProxy.start(test.url)
  database = openDatabase({ url: proxy.url, pool_max: 1 })
})
afterEach(async () => {
  await database.close()
  await proxy.close()
  await test.drop()
})

const failure = (work: Promise<unknown>) => work.then(() => undefined).catch((error: unknown) => error)

const insert = (db: Awaited<ReturnType<typeof begin>>, key: string) =>
  db('login_attempts').insert({
    key: Buffer.from(key),
    failures: 1,
    failures_max: 1,
    window_ends_at: db.fn.now(),
  })

const stored = async () => (await test.database.knex('login_attempts').pluck('key')).map(String)

/** The only connection of the pool is free again. */
const expectPoolFree = async () => {
  expect(await database.knex.raw('select 1 as one').then(({ rows }) => rows)).toEqual([{ one: 1 }])
  expect(database.knex.client.pool.numUsed()).toBe(0)
}

describe('begin', () => {
  it('throws when BEGIN is lost, and gives the connection back', async () => {
    await database.knex.raw('select 1')
    const cut = proxy.cutAt('BEGIN', 'lost')
    expect(await failure(begin(database.knex))).toSatisfy(isUnavailable)
    expect(cut.happened).toBe(true)
    await expectPoolFree()
  })

  it('throws when the pool has no connection to give', async () => {
    const first = await begin(database.knex)
    expect(await failure(begin(database.knex))).toSatisfy(isUnavailable)
    await first.rollback()
    await expectPoolFree()
  })
})

describe('commit', () => {
  it('resolves when the rows are kept', async () => {
    const transaction = await begin(database.knex)
    await insert(transaction, 'kept')
    await commit(transaction)
    expect(await stored()).toEqual(['kept'])
  })

  it.each([
    ['lost', []],
    ['answer lost', ['unsure']],
  ] as const)('throws when COMMIT is: %s', async (fate, rows) => {
    const transaction = await begin(database.knex)
    await insert(transaction, 'unsure')
    const cut = proxy.cutAt('COMMIT', fate)
    expect(await failure(commit(transaction))).toSatisfy(isUnavailable)
    expect(cut.happened).toBe(true)
    expect(await stored()).toEqual(rows)
    await expectPoolFree()
  })

  it('throws when Postgres refuses at COMMIT', async () => {
    await test.database.knex.raw(`
      create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
      create constraint trigger refuse after insert on login_attempts deferrable initially deferred
        for each row execute function refuse()`)
    const transaction = await begin(database.knex)
    await insert(transaction, 'refused')
    expect(await failure(commit(transaction))).toMatchObject({ code: 'P0001' })
    expect(await stored()).toEqual([])
    await expectPoolFree()
  })

  it('throws when Postgres answers COMMIT by rolling back', async () => {
    const transaction = await begin(database.knex)
    await insert(transaction, 'poisoned')
    await transaction.raw('select 1 / 0').catch(() => undefined)
    expect(await failure(commit(transaction))).toBeInstanceOf(Error)
    expect(await stored()).toEqual([])
    await expectPoolFree()
  })
})

describe('inTransaction', () => {
  it('keeps what was done when all of it is, and gives its result', async () => {
    const result = await inTransaction(database.knex, async (trx) => {
      await insert(trx, 'kept')
      return 'result'
    })
    expect(result).toBe('result')
    expect(await stored()).toEqual(['kept'])
    await expectPoolFree()
  })

  it.each([
    ['the work', [async () => Promise.reject(new Error('no'))]],
    ['the end', [async () => {}, async () => Promise.reject(new Error('no'))]],
  ] as const)('keeps nothing when %s fails, and gives the connection back', async (_, [work, end]) => {
    const failing = inTransaction(
      database.knex,
      async (trx) => {
        await insert(trx, 'gone')
        await work()
      },
      end,
    )
    expect(await failure(failing)).toMatchObject({ message: 'no' })
    expect(await stored()).toEqual([])
    await expectPoolFree()
  })
})

describe('an error of a statement', () => {
  it('names the statement without the values it was given', async () => {
    const rejected = await failure(test.database.knex.raw('select ?::int', ['canary-value']))
    expect((rejected as Error).message).not.toContain("'canary-value'::int")
  })
})
