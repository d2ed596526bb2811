import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { inShortTransaction } from '../../src/storage/short-transaction.ts'
import { beginWith, copyInAndCommit } from '../../src/storage/wire.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let test: TestDatabase

beforeAll(async () => {
  test = await createTestDatabase()
  await test.database.knex.raw('create table kept (word text unique deferrable initially deferred)')
})
beforeEach(() => test.database.knex('kept').delete())
afterAll(() => test.drop())

const tokens = () => test.database.tokens
const kept = () => test.database.knex('kept').orderBy('word').pluck('word')

const KEEP = { name: 'keep', text: 'insert into kept (word) values ($1) returning word' }
const FAIL = { name: 'fail', text: 'select 1 / $1::int as never' }

/** One row of one text column, as binary COPY has it. */
function tuple(word: string): Buffer {
  const head = Buffer.alloc(6)
  head.writeInt16BE(1, 0)
  head.writeInt32BE(word.length, 2)
  return Buffer.concat([head, Buffer.from(word)])
}

const keepBoth = (first: string, second: string) =>
  inShortTransaction(tokens(), async (connection) => {
    const rows = await beginWith(connection, KEEP, [first])
    const copied = await copyInAndCommit(connection, 'kept', ['word'], tuple(second))
    return { result: { rows, copied }, is_committed: true }
  })

describe('a transaction of two round trips', () => {
  it('answers the rows of its first statement, and keeps both', async () => {
    for (const [first, second] of [
      ['a', 'b'],
      ['c', 'd'],
    ] as const)
      expect(await keepBoth(first, second)).toEqual({ rows: [{ word: first }], copied: 1 })
    expect(await kept()).toEqual(['a', 'b', 'c', 'd'])
  })

  it('keeps nothing when it is not committed', async () => {
    const result = await inShortTransaction(tokens(), async (connection) => {
      const rows = await beginWith(connection, KEEP, ['a'])
      return { result: rows, is_committed: false }
    })
    expect([result, await kept()]).toEqual([[{ word: 'a' }], []])
  })

  it('keeps nothing when the commit is refused, or what goes with it', async () => {
    await expect(keepBoth('same', 'same')).rejects.toMatchObject({ code: '23505' })
    await expect(keepBoth('a', '\0')).rejects.toMatchObject({ code: '22021' })
    expect(await kept()).toEqual([])
  })

  it('whose first statement fails leaves no connection behind that is out of step', async () => {
    for (let time = 0; time < 10; time++) {
      const failing = inShortTransaction(tokens(), async (connection) => {
        await beginWith(connection, FAIL, [0])
        return { result: undefined, is_committed: true }
      })
      await expect(failing).rejects.toMatchObject({ code: '22012' })
    }
    expect(await keepBoth('a', 'b')).toMatchObject({ copied: 1 })
    expect(tokens().client.pool.numUsed()).toBe(0)
  })
})
