import net from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isUnavailable, openDatabase } from '../../src/storage/database.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { poisonParser } from '../support/poisoned-parser.ts'

let test: TestDatabase
beforeAll(async () => {
  test = await createTestDatabase()
})
afterAll(() => test.drop())

const reasonOf = (work: PromiseLike<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

/** How an error of this SQLSTATE reaches us. */
const raise = (code: string) =>
  reasonOf(test.database.knex.raw(`DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '${code}'; END $$`))

describe('both pools', () => {
  it('bound every wait', async () => {
    const names = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']
    const query = `SELECT ${names.map((name) => `current_setting('${name}') AS ${name}`).join(', ')}`
    const expected = {
      statement_timeout: '5s',
      lock_timeout: '1s',
      idle_in_transaction_session_timeout: '10s',
    }
    expect((await test.database.knex.raw(query)).rows).toEqual([expected])
    expect((await test.database.hot.query(query)).rows).toEqual([expected])
  })

  it('read bigint as a number, and fail rather than round', async () => {
    const query = 'SELECT 9007199254740991::bigint AS value'
    expect((await test.database.knex.raw(query)).rows).toEqual([{ value: Number.MAX_SAFE_INTEGER }])
    expect((await test.database.hot.query(query)).rows).toEqual([{ value: Number.MAX_SAFE_INTEGER }])
    const beyond = 'SELECT 9007199254740992::bigint AS value'
    await expect(test.database.knex.raw(beyond)).rejects.toThrow(RangeError)
    await expect(test.database.hot.query(beyond)).rejects.toThrow(RangeError)
  })

  it('read the names in a jsonb as they are, whatever the engine met before', async () => {
    const [jsonb, json] = ['{"!": 1, "\\"": 2}', '{"met": 1, "\\"": 2}']
    for (const text of [jsonb, json]) poisonParser(text)
    const query = `SELECT '${jsonb}'::jsonb AS jsonb, '${json}'::json AS json`
    const expected = { jsonb: { '!': 1, '"': 2 }, json: { met: 1, '"': 2 } }
    expect((await test.database.knex.raw(query)).rows).toEqual([expected])
    expect((await test.database.hot.query(query)).rows).toEqual([expected])
  })

  it('survive the loss of their idle connections', async () => {
    await test.database.knex.raw('SELECT 1')
    await test.database.hot.query('SELECT 1')
    const admin = openDatabase({ url: test.url, application_name: 'killer' })
    const others = `FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'toolgate'`
    await admin.knex.raw(`SELECT pg_terminate_backend(pid, 5000) ${others}`)
    await admin.close()
    expect((await test.database.hot.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect((await test.database.knex.raw('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })
})

describe('whatever a role or a database is set to', () => {
  /** Settings that an administrator may have, and what bytes or commits would mean under them. */
  const STRANGE = {
    datestyle: 'German, DMY',
    intervalstyle: 'iso_8601',
    timezone: 'Asia/Kathmandu',
    bytea_output: 'escape',
    extra_float_digits: '-15',
    transform_null_equals: 'on',
    array_nulls: 'off',
    standard_conforming_strings: 'off',
    default_transaction_isolation: 'serializable',
    synchronous_commit: 'off',
    statement_timeout: '0',
    lock_timeout: '0',
  }
  const NAMES = Object.keys(STRANGE)
  const settings = `select ${NAMES.map((name) => `current_setting('${name}') as ${name}`).join(', ')}`
  const values = `select timestamptz '2026-11-30 12:00:00+00' as time, interval '1 day 2 hours' as span, '\\x00ff'::bytea as bytes,
    0.1::float8 + 0.2::float8 as sum, (timestamptz '2026-11-30 12:00:00+00')::text as text`

  it('means the same on every pool', async () => {
    const pools = (database: TestDatabase['database']) => [
      async (query: string) => (await database.knex.raw(query)).rows,
      async (query: string) => (await database.tokens.raw(query)).rows,
      async (query: string) => (await database.hot.query(query)).rows,
    ]
    const asked = async (database: TestDatabase['database'], query: string) =>
      Promise.all(pools(database).map((ask) => ask(query)))
    const usual = [await asked(test.database, settings), await asked(test.database, values)]
    for (const [name, value] of Object.entries(STRANGE))
      await test.database.knex.raw(
        `alter database ${new URL(test.url).pathname.slice(1)} set ${name} = '${value}'`,
      )
    const strange = openDatabase({ url: test.url })
    expect([await asked(strange, settings), await asked(strange, values)]).toEqual(usual)
    await strange.close()
  })
})

describe('the hot pool', () => {
  const query = `SELECT current_setting('plan_cache_mode') AS plan, current_setting('jit') AS jit,
    current_setting('work_mem') AS work_mem`

  it('plans its statements once', async () => {
    const { rows } = await test.database.hot.query(query)
    expect(rows).toMatchObject([{ plan: 'force_generic_plan', jit: 'off' }])
  })

  it('keeps the options that the URL asks for', async () => {
    const url = new URL(test.url)
    url.searchParams.set('options', '-c work_mem=5MB')
    const database = openDatabase({ url: url.href })
    const { rows } = await database.hot.query(query)
    await database.close()
    expect(rows).toEqual([{ plan: 'force_generic_plan', jit: 'off', work_mem: '5MB' }])
  })
})

describe('isUnavailable', () => {
  const codes = ['08006', '53300', '57P01', '57P03', '57014', '25006', '25P03', '40001', '40P01', '55P03']
  it.each(codes)('is true for SQLSTATE %s', async (code) => {
    expect(isUnavailable(await raise(code))).toBe(true)
  })

  it.each(['23505', '42601', '22P02', '42P01', 'P0001'])('is false for SQLSTATE %s', async (code) => {
    expect(isUnavailable(await raise(code))).toBe(false)
  })

  it('is true when nothing listens', async () => {
    const listener = net.createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => listener.once('listening', resolve))
    const { port } = listener.address() as net.AddressInfo
    await new Promise((resolve) => listener.close(resolve))
    const database = openDatabase({ url: `postgres://nobody@127.0.0.1:${port}/none` })
    expect(isUnavailable(await reasonOf(database.knex.raw('SELECT 1')))).toBe(true)
    expect(isUnavailable(await reasonOf(database.hot.query('SELECT 1')))).toBe(true)
    await database.close()
  })

  it('is true when the other side accepts and falls silent', async () => {
    const sockets: net.Socket[] = []
    const listener = net.createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1')
    await new Promise((resolve) => listener.once('listening', resolve))
    const { port } = listener.address() as net.AddressInfo
    const database = openDatabase({ url: `postgres://nobody@127.0.0.1:${port}/none` })
    const reasons = await Promise.all([
      reasonOf(database.knex.raw('SELECT 1')),
      reasonOf(database.hot.query('SELECT 1')),
    ])
    expect(reasons.map(isUnavailable)).toEqual([true, true])
    await database.close()
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => listener.close(resolve))
  })

  it('is true when every connection is taken', async () => {
    const database = openDatabase({ url: test.url, pool_max: 1, hot_pool_max: 1 })
    const client = await database.hot.connect()
    const transaction = await database.knex.transaction()
    const reasons = await Promise.all([
      reasonOf(database.knex.raw('SELECT 1')),
      reasonOf(database.hot.query('SELECT 1')),
    ])
    expect(reasons.map(isUnavailable)).toEqual([true, true])
    client.release()
    await transaction.rollback()
    await database.close()
  })

  it('is true when a connection is lost under a statement, or was closed', async () => {
    const database = openDatabase({ url: test.url })
    const kill = 'SELECT pg_terminate_backend(pg_backend_pid())'
    expect(isUnavailable(await reasonOf(database.knex.raw(kill)))).toBe(true)
    expect(isUnavailable(await reasonOf(database.hot.query(kill)))).toBe(true)
    await database.close()
    expect(isUnavailable(await reasonOf(database.knex.raw('SELECT 1')))).toBe(true)
    expect(isUnavailable(await reasonOf(database.hot.query('SELECT 1')))).toBe(true)
  })

  it('is false for a bug', () => {
    expect(isUnavailable(new TypeError('x is not a function'))).toBe(false)
    expect(isUnavailable('ECONNREFUSED')).toBe(false)
    expect(isUnavailable(undefined)).toBe(false)
  })
})
