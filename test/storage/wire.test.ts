import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { copyOut } from '../../src/storage/wire.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let test: TestDatabase
let client: pg.Client

beforeAll(async () => {
  test = await createTestDatabase({ from: 'nothing' })
  client = new pg.Client({ connectionString: test.url })
  client.on('error', () => {})
  await client.connect()
})

afterAll(async () => {
  await client.end()
  await test.drop()
})

async function read(query: string): Promise<Buffer[]> {
  const tuples: Buffer[] = []
  const rows = await copyOut(client, query, (tuple) => {
    tuples.push(Buffer.from(tuple))
  })
  expect(rows).toBe(tuples.length)
  return tuples
}

const stillAnswers = async () => expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])

describe('copyOut', () => {
  it('hands over each row once and whole, whatever its size', async () => {
    const tuples = await read(`select n, repeat('x', (n * 7919 % 50000)) from generate_series(1, 2000) as n`)
    expect(tuples).toHaveLength(2_000)
    tuples.forEach((tuple, index) => {
      const n = index + 1
      expect(tuple.readInt32BE(6)).toBe(n)
      expect(tuple.length).toBe(2 + 8 + 4 + ((n * 7919) % 50_000))
    })
    await stillAnswers()
  })

  it('takes a row of many megabytes, and none', async () => {
    const [large] = await read(`select repeat('y', 30000000)`)
    expect(large?.length).toBe(30_000_006)
    expect(await read('select 1 where false')).toEqual([])
    await stillAnswers()
  })

  it('reads what the transaction sees that the connection is in', async () => {
    await client.query('begin; create table own as select generate_series(1, 3) as n')
    expect(await read('select n from own')).toHaveLength(3)
    await client.query('rollback')
    await stillAnswers()
  })

  it('throws what Postgres says, before the first row and after some, and leaves the connection in step', async () => {
    await expect(read('select * from nothing_like_it')).rejects.toThrow('nothing_like_it')
    await stillAnswers()
    const late = 'select 1 / (5000 - n) from generate_series(1, 9000) as n'
    await expect(read(late)).rejects.toThrow('division by zero')
    await stillAnswers()
  })

  it('throws what the reader of the rows throws', async () => {
    const failing = copyOut(client, 'select n from generate_series(1, 9000) as n', () => {
      throw new Error('enough')
    })
    await expect(failing).rejects.toThrow('enough')
    await stillAnswers()
  })

  it('throws when the connection breaks in the middle', async () => {
    const other = new pg.Client({ connectionString: test.url })
    other.on('error', () => {})
    await other.connect()
    const { rows } = await other.query('select pg_backend_pid() as pid')
    let killing: Promise<unknown> | undefined
    const reading = copyOut(other, `select n, repeat('z', 1000) from generate_series(1, 200000) as n`, () => {
      killing ??= client.query('select pg_terminate_backend($1)', [rows[0].pid])
    })
    await expect(reading).rejects.toThrow()
    await killing
  })
})
