import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { verifyChains } from '../../../src/audit/integrity/verification/verify.ts'
import { AuditWriter } from '../../../src/audit/log/audit-writer.ts'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import type { AuditRow } from '../../../src/audit-chain/hash-chain.ts'
import { witnessOf } from '../../../src/audit-chain/witness.ts'
import { openDatabase } from '../../../src/storage/database.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { decided } from '../rows.ts'

let test: TestDatabase
beforeEach(async () => {
  test = await createTestDatabase()
})
afterEach(() => test.drop())

/** A command: one event in a chain of its own. Answers the chain. */
async function command(index: number): Promise<string> {
  const log = new AuditWriter(test.database.hot)
  await log.append(decided(index))
  await log.close()
  return log.head.writer_id
}

/** A writer that vanishes without a word, as by kill -9: its connections are gone. */
async function crashed(events: number): Promise<AuditWriter> {
  const before = await sessions()
  const log = new AuditWriter(test.database.hot)
  await log.append(Array.from({ length: events }, (_, index) => decided(index)))
  const [pid] = (await sessions()).filter((each) => !before.includes(each))
  await test.database.knex.raw('select pg_terminate_backend(?, 5000)', [pid ?? 0])
  return log
}

async function sessions(): Promise<number[]> {
  const { rows } = await test.database.knex.raw(
    `select pid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database
       where datname = current_database())`,
  )
  return rows.map(({ pid }: { pid: number }) => pid)
}

async function eventsOf(writer_id: string): Promise<AuditRow[]> {
  const { events } = await pageEvents(test.database.knex, {}, 1_000)
  return events.filter((event) => event.writer_id === writer_id).sort((a, b) => a.seq - b.seq)
}

async function named(writer_id: string) {
  return (await eventsOf(writer_id)).flatMap((event) => witnessOf(event) ?? [])
}

async function remove(where: object): Promise<void> {
  await test.database.knex.transaction(async (forger) => {
    await forger.raw('alter table audit_events disable trigger all')
    await forger('audit_events').where(where).delete()
  })
}

async function faults() {
  const found = await verifyChains(test.database.knex)
  return found.faults.map(({ writer_id, seq, kind }) => ({ writer_id, seq, kind }))
}

describe('the life of a writer', () => {
  it('leaves three rows for a command that records one event, and none for one that records nothing', async () => {
    const writer_id = await command(1)
    expect((await eventsOf(writer_id)).map(({ type }) => type)).toEqual([
      'writer.started',
      'tool.decided',
      'writer.stopped',
    ])
    await new AuditWriter(test.database.hot).close()
    expect(await test.database.knex('audit_writers').pluck('writer_id')).toEqual([writer_id])
    expect(await sessions()).toEqual([])
  })

  it('makes one line of the chains of commands that follow each other', async () => {
    const chain = [await command(1), await command(2), await command(3)]
    expect(await named(chain[0]!)).toEqual([])
    expect(await named(chain[1]!)).toMatchObject([{ writer_id: chain[0], seq: 3 }])
    expect(await named(chain[2]!)).toMatchObject([{ writer_id: chain[1], seq: 3 }])
    expect(await faults()).toEqual([])
  })

  it('shows that a whole chain was removed, but for the newest', async () => {
    const chain = [await command(1), await command(2), await command(3)]
    await remove({ writer_id: chain[2] })
    expect(await faults()).toEqual([])
    await remove({ writer_id: chain[0] })
    expect(await faults()).toEqual([{ writer_id: chain[0], seq: 3, kind: 'missing_predecessor' }])
  })

  it('names every chain that ended meanwhile, also of writers that lived at the same time', async () => {
    const server = new AuditWriter(test.database.hot)
    await server.append(decided(0))
    const logs = [1, 2, 3].map(() => new AuditWriter(test.database.hot))
    await Promise.all(logs.map((log, index) => log.append(decided(index))))
    await Promise.all(logs.map((log) => log.close()))
    const next = await command(4)
    expect((await named(next)).map((row) => row.writer_id).sort()).toEqual(
      logs.map(({ head }) => head.writer_id).sort(),
    )
    await server.append(decided(5))
    expect(server.head.seq).toBe(3)
    expect(await faults()).toEqual([])
    await server.close()
  })
})

describe('a writer that crashed', () => {
  it('has its chain closed by the next, which is a witness of its last row', async () => {
    const { head } = await crashed(4)
    const next = await command(1)
    const closing = (await eventsOf(next)).find(({ type }) => type === 'writer.closed')
    expect(closing?.detail).toEqual({
      writer_id: head.writer_id,
      seq: 5,
      hash: head.hash.toString('hex'),
      stopped: false,
    })
    expect(await faults()).toEqual([])
    await remove({ writer_id: head.writer_id, seq: 5 })
    expect(await faults()).toContainEqual({ writer_id: head.writer_id, seq: 5, kind: 'missing_predecessor' })
  })

  it('is closed once, however many start at the same moment', async () => {
    const dead = await crashed(1)
    const logs = Array.from({ length: 6 }, () => new AuditWriter(test.database.hot))
    await Promise.all(logs.map((log, index) => log.append(decided(index))))
    const { events } = await pageEvents(test.database.knex, { type: 'writer.closed' }, 100)
    expect(events.map(({ detail }) => detail?.writer_id)).toEqual([dead.head.writer_id])
    await Promise.all(logs.map((log) => log.close()))
    expect(await faults()).toEqual([])
  })

  it('of which no row is left is told of', async () => {
    const { head } = await crashed(1)
    await remove({ writer_id: head.writer_id })
    const closing = (await eventsOf(await command(1))).find(({ type }) => type === 'writer.closed')
    expect(closing?.detail).toEqual({ writer_id: head.writer_id, seq: 0, stopped: false })
  })
})

describe('a writer that lives', () => {
  it('is not closed', async () => {
    const other = openDatabase({ url: test.url })
    const server = new AuditWriter(other.hot)
    await server.append(decided(1))
    expect(await named(await command(2))).toEqual([])
    await server.close()
    await other.close()
  })

  it('goes on in a new chain when its session was lost, and nothing is broken when it was closed meanwhile', async () => {
    const log = await crashed(2)
    const before = log.head
    const closing = await command(1)
    expect((await named(closing)).map((row) => row.writer_id)).toContain(before.writer_id)
    await log.append(decided(3))
    expect(log.head.writer_id).not.toBe(before.writer_id)
    expect((await named(log.head.writer_id))[0]).toMatchObject({
      writer_id: before.writer_id,
      seq: before.seq,
    })
    await log.close()
    expect(await faults()).toEqual([])
  })

  it('asks whether its session lives when it is silent, and never while rows are on their way', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const asked = vi.spyOn(pg.Client.prototype, 'query')
    const questions = () => asked.mock.calls.filter(([text]) => (text as unknown) === 'select 1').length
    try {
      const log = new AuditWriter(test.database.hot)
      await log.append(decided(1))
      vi.advanceTimersByTime(30_000)
      expect(questions()).toBe(1)
      await log.append(decided(2))
      const trx = await test.database.knex.transaction()
      await trx.raw('lock table audit_events in exclusive mode')
      const waiting = log.append(decided(3))
      for (let blocked = 0; blocked === 0; ) {
        const { rows } = await trx.raw('select 1 from pg_locks where not granted')
        blocked = rows.length
      }
      vi.advanceTimersByTime(90_000)
      expect(questions()).toBe(1)
      await trx.rollback()
      await waiting
      await log.close()
    } finally {
      vi.restoreAllMocks()
      vi.useRealTimers()
    }
    expect(await faults()).toEqual([])
  })

  it('is bound to its end, although a chain that was closed got more rows', async () => {
    const { head } = await crashed(1)
    await command(1)
    const { knex } = test.database
    const [row] = await eventsOf(head.writer_id)
    await knex('audit_events').insert({ ...row, id: crypto.randomUUID(), seq: 3, prev_hash: head.hash })
    const next = await command(2)
    expect(await named(next)).toContainEqual(expect.objectContaining({ writer_id: head.writer_id, seq: 3 }))
  })
})

describe('the table audit_writers', () => {
  it('keeps every writer, and what was said of its end', async () => {
    await command(1)
    await command(2)
    const { knex } = test.database
    for (const change of [
      'delete from audit_writers',
      'truncate audit_writers',
      `update audit_writers set process = 'x'`,
      'update audit_writers set stopped_at = null',
      'update audit_writers set closed_at = null, closed_by = null, closed_seq = null',
      'update audit_writers set closed_seq = closed_seq - 1',
    ])
      await expect(knex.raw(change), change).rejects.toThrow('refused')
  })
})
