import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type VerifyProgress, verifyChains } from '../../../../src/audit/integrity/verification/verify.ts'
import { AuditWriter } from '../../../../src/audit/log/audit-writer.ts'
import { type ChainHead, GENESIS } from '../../../../src/audit-chain/hash-chain.ts'
import { openDatabase } from '../../../../src/storage/database.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { inMonth, newWriter, write } from '../../months.ts'
import { decided } from '../../rows.ts'

let test: TestDatabase
/** The last rows of the two chains. */
let heads: ChainHead[]
/** Every row, by time. */
let times: { writer_id: string; seq: number; occurred_at: Date }[]

const some = (count: number) => Array.from({ length: count }, (_, index) => decided(index))

beforeAll(async () => {
  test = await createTestDatabase()
  const [one, other] = [new AuditWriter(test.database.hot), new AuditWriter(test.database.hot)]
  for (let turn = 0; turn < 12; turn++) {
    await one.append(some(40))
    await other.append(some(25))
  }
  heads = [one.head, other.head]
  await test.database.knex.raw('alter table audit_events disable trigger all')
  times = await test.database
    .knex('audit_events')
    .select('writer_id', 'seq', 'occurred_at')
    .orderBy('occurred_at')
})

afterAll(() => test.drop())

const rows = 12 * 65 + 2

/** What verification says while this change stands. */
async function afterChange(change: (of: string) => [string, unknown[]], options = {}) {
  const { knex } = test.database
  const [writer_id] = heads.map((head) => head.writer_id)
  const kept = await knex('audit_events').where({ writer_id })
  await knex.raw(...(change(writer_id ?? '') as [string, never[]]))
  try {
    return await verifyChains(knex, options)
  } finally {
    await knex('audit_events').where({ writer_id }).delete()
    await knex.batchInsert(
      'audit_events',
      kept.map((row) => ({ ...row, detail: JSON.stringify(row.detail) })),
    )
  }
}

describe('verifyChains', () => {
  it('reads every row, and tells how far it is', async () => {
    const told: VerifyProgress[] = []
    const result = await verifyChains(test.database.knex, { on_progress: (progress) => told.push(progress) })
    expect(result).toEqual({ rows, writers: 2, faults: [], fault_count: 0 })
    expect(told.at(-1)).toEqual({ rows, share: 1 })
  })

  it('names each row of a damaged log, the oldest first', async () => {
    const damage = (of: string): [string, unknown[]] => [
      "update audit_events set tool = 'x' where writer_id = ? and seq in (7, 300)",
      [of],
    ]
    const said = await afterChange(damage)
    expect(said.faults).toMatchObject([
      { seq: 7, kind: 'edited', event_id: expect.any(String), occurred_at: expect.any(String) },
      { seq: 300, kind: 'edited' },
    ])
  })

  it('finds a cut-off end, a replaced row and a missing chain by heads that were kept elsewhere', async () => {
    const [one] = heads as [ChainHead, ChainHead]
    const cut = (of: string): [string, unknown[]] => [
      'delete from audit_events where writer_id = ? and seq > 470',
      [of],
    ]
    expect((await afterChange(cut)).faults).toEqual([])
    expect((await afterChange(cut, { known_heads: heads })).faults).toMatchObject([
      { writer_id: one.writer_id, seq: 471, kind: 'cut_off' },
    ])
    const gone = (of: string): [string, unknown[]] => ['delete from audit_events where writer_id = ?', [of]]
    expect((await afterChange(gone, { known_heads: heads })).faults).toMatchObject([
      { writer_id: one.writer_id, seq: 1, kind: 'missing_writer' },
    ])
    const other_log = { known_heads: [{ ...one, hash: GENESIS }] }
    expect((await verifyChains(test.database.knex, other_log)).faults).toMatchObject([
      { writer_id: one.writer_id, seq: one.seq, kind: 'rewritten' },
    ])
  })

  it('checks a time alone, with the row before it taken as it is stored', async () => {
    const { knex } = test.database
    const from = times[400]?.occurred_at
    const to = times[700]?.occurred_at
    const wanted = times.filter(({ occurred_at }) => from && to && occurred_at >= from && occurred_at < to)
    expect(await verifyChains(knex, { from, to })).toEqual({
      rows: wanted.length,
      writers: 2,
      faults: [],
      fault_count: 0,
      taken_as_given: 2,
    })
    const [one] = heads as [ChainHead, ChainHead]
    const of_one = wanted.filter(({ writer_id }) => writer_id === one.writer_id)
    const first = Math.min(...of_one.map(({ seq }) => Number(seq)))
    const change =
      (seq: number) =>
      (of: string): [string, unknown[]] => [
        "update audit_events set tool = 'x' where writer_id = ? and seq = ?",
        [of, seq],
      ]
    expect((await afterChange(change(first - 2), { from, to })).faults).toEqual([])
    expect((await afterChange(change(first), { from, to })).faults).toMatchObject([
      { seq: first, kind: 'edited' },
    ])
    const replaced = (of: string): [string, unknown[]] => [
      'update audit_events set hash = sha256(hash) where writer_id = ? and seq = ?',
      [of, first - 1],
    ]
    expect((await afterChange(replaced, { from, to })).faults).toMatchObject([
      { seq: first, kind: 'broken_link' },
    ])
  })

  it('does not miss rows of that time to which a clock that was set back gave another', async () => {
    const { database } = test
    const [before, meanwhile, after] = [inMonth(-3), inMonth(-2), inMonth(-3, 15)]
    const first = await write(database, newWriter(), before, 5)
    await write(database, await write(database, first, meanwhile, 5), after, 5)
    const time = { from: before, to: new Date(after.getTime() + 1) }
    expect(await verifyChains(database.knex, time)).toEqual({
      rows: 15,
      writers: 1,
      faults: [],
      fault_count: 0,
      taken_as_given: 0,
    })
  })

  it('does not take for faults what writers commit meanwhile', async () => {
    const log = new AuditWriter(test.database.hot)
    await log.append(decided(0))
    let writing = true
    const writer = (async () => {
      while (writing) await log.append(some(20))
    })()
    const faults: unknown[] = []
    for (let round = 0; round < 5; round++) faults.push(...(await verifyChains(test.database.knex)).faults)
    writing = false
    await writer
    expect(faults).toEqual([])
  })

  it('misses no rows that left the table in order, when it is told of them', async () => {
    const [one] = heads as [ChainHead, ChainHead]
    const { hash } = await test.database
      .knex('audit_events')
      .where({ writer_id: one.writer_id, seq: 100 })
      .first()
    const left = { writer_id: one.writer_id, seq: 100, hash }
    const drop = (of: string): [string, unknown[]] => [
      'delete from audit_events where writer_id = ? and seq <= 100',
      [of],
    ]
    const is_old = (head: ChainHead) => head.writer_id === one.writer_id && head.seq <= 100
    const known = {
      known_heads: [left, ...heads],
      pass_over: (head: ChainHead) => (is_old(head) ? left : head),
      has_left: is_old,
    }
    expect((await afterChange(drop)).faults).toMatchObject([{ seq: 1, kind: 'gap' }])
    expect((await afterChange(drop, known)).faults).toEqual([])
    const other = { ...left, hash: GENESIS }
    const said = await afterChange(drop, {
      ...known,
      pass_over: (head: ChainHead) => (is_old(head) ? other : head),
    })
    expect(said.faults).toMatchObject([{ seq: 101, kind: 'broken_link' }])
  })

  it('throws when the database cannot be read', async () => {
    const nowhere = openDatabase({ url: 'postgres://nobody@127.0.0.1:1/none' })
    await expect(verifyChains(nowhere.knex)).rejects.toThrow('ECONNREFUSED')
    await nowhere.close()
  })
})
