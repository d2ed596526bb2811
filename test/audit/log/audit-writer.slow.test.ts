import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { verifyChains } from '../../../src/audit/integrity/verification/verify.ts'
import { AuditWriter } from '../../../src/audit/log/audit-writer.ts'
import { recorded } from '../../../src/audit/log/recorded.ts'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import { normaliseEvent } from '../../../src/audit-chain/event-fields.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { TEST } from '../../support/origins.ts'
import { decided } from '../rows.ts'

let test: TestDatabase

beforeEach(async () => {
  test = await createTestDatabase()
})

afterEach(() => test.drop())

const { assert, asyncProperty, string } = fc

async function expectWhole(rows: number, writers: number): Promise<void> {
  expect(await verifyChains(test.database.knex)).toEqual({ rows, writers, faults: [], fault_count: 0 })
}

async function storedTools(): Promise<(string | null)[]> {
  const { events } = await pageEvents(test.database.knex, { type: 'tool.decided' }, 1_000)
  return events.map(({ tool }) => tool).reverse()
}

describe('append', () => {
  it('is committed when it resolves, behind the start of the writer', async () => {
    const log = new AuditWriter(test.database.hot)
    await log.append(decided(1))
    const { events } = await pageEvents(test.database.knex, {}, 10)
    expect(events.map(({ seq, type }) => [seq, type])).toEqual([
      [2, 'tool.decided'],
      [1, 'writer.started'],
    ])
    expect(events[0]).toMatchObject({ ...normaliseEvent(decided(1)), writer_id: log.head.writer_id })
  })

  it('leaves whole chains behind a thousand concurrent appends of three writers', async () => {
    const logs = [1, 2, 3].map(() => new AuditWriter(test.database.hot))
    await Promise.all(Array.from({ length: 1_000 }, (_, index) => logs[index % 3]!.append(decided(index))))
    expect(new Set(await storedTools()).size).toBe(1_000)
    await expectWhole(1_003, 3)
  })

  it('keeps the events of one call together and in order', async () => {
    const log = new AuditWriter(test.database.hot)
    const many = Array.from({ length: 600 }, (_, index) => decided(index))
    await Promise.all([log.append(decided(900)), log.append(many), log.append([]), log.append(decided(901))])
    expect(await storedTools()).toEqual([900, ...many.keys(), 901].map((index) => `tool_${index}`))
    await expectWhole(603, 1)
  })

  it('takes any text', async () => {
    const log = new AuditWriter(test.database.hot)
    const million = `\u0000\ud800${'🦉"\\{},'.repeat(150_000)}`
    const hostile = {
      actor: { kind: 'client', id: million },
      tool: million,
      client_id: million,
      ip: million,
      grant_id: million,
    } as const
    const detail = { [million]: million, list: [million, '\udfff', 'NULL'] } as never
    await log.append({ ...hostile, account_id: million, type: 'login.failed', detail })
    const texts = asyncProperty(string({ unit: 'binary' }), string({ unit: 'binary' }), async (one, two) => {
      await log.append({
        type: 'login.failed',
        actor: { kind: 'client', id: one },
        tool: two,
        detail: { [one]: two, two: [one, two] } as never,
      })
    })
    await assert(texts, { numRuns: 200 })
    await expectWhole(202, 1)
  })

  it('refuses what is more than may wait, and what comes after the end', async () => {
    const log = new AuditWriter(test.database.hot, { max_queue: 2 })
    const waiting = log.append([decided(1), decided(2)])
    await expect(log.append(decided(3))).rejects.toMatchObject({ code: 'unavailable' })
    const closing = log.close()
    await expect(log.append(decided(4))).rejects.toMatchObject({ code: 'unavailable' })
    await Promise.all([waiting, closing])
    expect(await storedTools()).toEqual(['tool_1', 'tool_2'])
  })
})

describe('appendIn', () => {
  it('commits the change and its events together', async () => {
    const { knex, hot } = test.database
    const log = new AuditWriter(hot)
    await knex.raw('create table changes (name text)')
    const insert = (name: string, index: number) =>
      recorded({ db: knex, audit: log }, TEST, async (trx, record) => {
        await trx('changes').insert({ name })
        record(decided(index))
        return name
      })
    await Promise.all([insert('a', 1), log.append(decided(2)), insert('b', 3), log.append(decided(4))])
    expect(await knex('changes').orderBy('name').pluck('name')).toEqual(['a', 'b'])
    expect((await storedTools()).sort()).toEqual(['tool_1', 'tool_2', 'tool_3', 'tool_4'])
    await expectWhole(5, 1)
  })

  it('leaves neither rows nor a gap when the transaction is rolled back', async () => {
    const { knex, hot } = test.database
    const log = new AuditWriter(hot)
    const failing = knex.transaction((trx) =>
      log.appendIn(trx, [decided(1)], () => trx.raw('select 1/0') as unknown as Promise<void>),
    )
    const others = Promise.all([2, 3].map((index) => log.append(decided(index))))
    await expect(failing).rejects.toMatchObject({ code: 'unavailable' })
    await others
    expect(await storedTools()).toEqual(['tool_2', 'tool_3'])
    await expectWhole(3, 1)
  })

  it('starts a new chain when nobody can know whether the commit happened', async () => {
    const { knex, hot } = test.database
    const log = new AuditWriter(hot)
    await log.append(decided(0))
    const before = log.head.writer_id
    const trx = await knex.transaction()
    const lost = log.appendIn(trx, [decided(1)], async () => {
      await trx.commit()
      throw new Error('the answer to COMMIT was lost')
    })
    await expect(lost).rejects.toMatchObject({ code: 'unavailable' })
    await log.append(decided(2))
    expect(log.head.writer_id).not.toBe(before)
    expect(await storedTools()).toEqual(['tool_0', 'tool_1', 'tool_2'])
    await expectWhole(5, 2)
  })
})

describe('a killed connection', () => {
  const terminate = `select pg_terminate_backend(pid) from pg_stat_activity
                     where datname = current_database() and pid <> pg_backend_pid()`

  it('fails what was under way, and the next event begins a chain that names the old one', async () => {
    const { knex, hot } = test.database
    const log = new AuditWriter(hot)
    await log.append(decided(0))
    const { writer_id, seq, hash } = log.head
    // The insert waits for this lock until its connection is gone.
    const trx = await knex.transaction()
    await trx.raw('lock table audit_events in exclusive mode')
    const waiting = log.append(decided(1))
    const failed = expect(waiting).rejects.toMatchObject({ code: 'unavailable' })
    await untilBlocked(trx)
    await trx.raw(terminate)
    await failed
    await trx.rollback()
    await log.append(decided(2))
    const { events } = await pageEvents(knex, { type: 'writer.started' }, 2)
    expect(events.find((event) => event.writer_id === log.head.writer_id)?.detail).toMatchObject({
      predecessor_writer_id: writer_id,
      predecessor_seq: seq,
      predecessor_hash: hash.toString('hex'),
    })
    expect(await storedTools()).toEqual(['tool_0', 'tool_2'])
    await expectWhole(4, 2)
  })

  it('leaves evidence of the old chain that its last row cannot be removed from unseen', async () => {
    const { knex, hot } = test.database
    const log = new AuditWriter(hot)
    await log.append(decided(0))
    const { writer_id } = log.head
    const trx = await knex.transaction()
    const lost = log.appendIn(trx, [decided(1)], () => Promise.reject(new Error('connection lost')))
    await expect(lost).rejects.toMatchObject({ code: 'unavailable' })
    await trx.rollback()
    await log.append(decided(2))
    await knex.transaction(async (forger) => {
      await forger.raw('alter table audit_events disable trigger all')
      await forger('audit_events').where({ writer_id, seq: 2 }).delete()
    })
    const { faults } = await verifyChains(knex)
    expect(faults).toMatchObject([{ writer_id, seq: 2, kind: 'missing_predecessor' }])
  })

  async function untilBlocked(db: TestDatabase['database']['knex']): Promise<void> {
    for (;;) {
      const { rows } = await db.raw(
        `select 1 from pg_locks where not granted and relation = 'audit_events'::regclass`,
      )
      if (rows.length > 0) return
    }
  }
})
