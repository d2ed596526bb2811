import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { verifyArchivesAndLog } from '../../../../src/audit/integrity/archive/archive-live.ts'
import { closingSignatureFaults } from '../../../../src/audit/integrity/archive/closing.ts'
import { readClosings } from '../../../../src/audit/integrity/archive/closing-store.ts'
import {
  listPartitions,
  settleDefaultPartition,
} from '../../../../src/audit/integrity/archive/partition-store.ts'
import { type RetentionOptions, retain } from '../../../../src/audit/integrity/archive/retention.ts'
import { verifyLog } from '../../../../src/audit/integrity/archive/verify-log.ts'
import { AuditLog } from '../../../../src/audit/log/audit-log.ts'
import type { ChainHead } from '../../../../src/audit-chain/hash-chain.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { TEST } from '../../../support/origins.ts'
import { evidence, inMonth, newWriter, partitionOf, write, writeMonths } from '../../months.ts'
import { decided } from '../../rows.ts'

let test: TestDatabase
let directory: string
let audit: AuditLog
let lasting: ChainHead
let keys: ReturnType<typeof evidence>

beforeEach(async () => {
  test = await createTestDatabase()
  directory = await mkdtemp(join(tmpdir(), 'toolgate-archive-'))
  audit = new AuditLog(test.database.hot)
  keys = evidence()
  lasting = await writeMonths(test.database, 5, 4)
})

afterEach(async () => {
  await audit.close()
  await test.drop()
  await rm(directory, { recursive: true })
})

const keep = (months: number, options: Partial<RetentionOptions> = {}) =>
  retain(test.database.knex, audit, { months, actor: TEST.actor, evidence: keys, ...options })

async function monthsLeft(): Promise<string[]> {
  const names = (await listPartitions(test.database.knex)).map(({ name }) => name)
  return names.filter((name) => name <= partitionOf(0))
}

const verify = () => verifyLog(test.database.knex)
const verifyAll = () =>
  verifyArchivesAndLog(test.database.knex, directory, { check_signature: keys.check_signature })

/** What an owner of the table does who wants rows gone. */
async function remove(table: string, where: Record<string, unknown>): Promise<void> {
  await test.database.knex.raw(`alter table ${table} disable trigger all`)
  await test.database.knex(table).where(where).delete()
}

describe('retain', () => {
  it('drops the months that are older and no other, and the log is still whole', async () => {
    const dropped = await keep(2)
    expect(dropped.map(({ partition, rows }) => [partition, rows])).toEqual(
      [5, 4, 3].map((ago) => [partitionOf(ago), 8]),
    )
    expect(await monthsLeft()).toEqual([2, 1, 0].map(partitionOf))
    expect(await verify()).toMatchObject({ fault_count: 0, rows: 24 + 3 + 1 })
    expect(await keep(2)).toEqual([])
  })

  it('records each drop in the log, in a closing that names the one before it, signed and handed out', async () => {
    await keep(3)
    const closings = await readClosings(test.database.knex)
    const events = await test.database
      .knex('audit_events')
      .where({ type: 'audit.partition_dropped' })
      .orderBy('seq')
    expect(events.map(({ detail }) => detail)).toMatchObject(
      closings.map(({ number, sha256 }) => ({ closing: number, closing_sha256: sha256.toString('hex') })),
    )
    expect(events[0]).toMatchObject({
      actor_kind: 'cli',
      actor_id: 'test@machine',
      detail: { partition: partitionOf(5), rows: 8 },
    })
    expect(keys.published).toEqual(closings.map(({ jws }) => jws))
    expect(await closingSignatureFaults(closings, keys.check_signature)).toEqual([])
    expect(
      await closingSignatureFaults([{ ...closings[0]!, jws: closings[1]!.jws }], keys.check_signature),
    ).toHaveLength(1)
  })

  it('still finds that more is missing than was dropped', async () => {
    await keep(3)
    const where = { writer_id: lasting.writer_id }
    await remove(partitionOf(3), { ...where, seq: 9 })
    expect((await verify()).faults).toMatchObject([{ ...where, seq: 9, kind: 'gap' }])
    await remove(partitionOf(3), where)
    expect((await verify()).faults).toMatchObject([
      { seq: 9, kind: 'gap', message: 'rows 9 to 12 are missing' },
    ])
  })

  it('still finds a month that the owner dropped without a closing', async () => {
    await test.database.knex.raw(`drop table ${partitionOf(4)}`)
    expect((await verify()).faults).toMatchObject([{ seq: 5, kind: 'gap' }])
  })

  it('finds closings that were forged, exchanged, changed or taken away', async () => {
    await keep(3)
    const { knex } = test.database
    await knex.raw('alter table audit_closings disable trigger all')
    const [first, second] = await knex('audit_closings').orderBy('number')
    await knex('audit_closings')
      .where({ number: 1 })
      .update({ document: `${first.document} ` })
    expect((await verify()).fault_count).toBeGreaterThan(0)
    await knex('audit_closings').where({ number: 1 }).update({ document: first.document })
    expect((await verify()).fault_count).toBe(0)
    await knex('audit_closings').where({ number: 2 }).delete()
    expect((await verify()).fault_count).toBeGreaterThan(0)
    await knex('audit_closings').insert({ ...second, number: 3 })
    expect((await verify()).fault_count).toBeGreaterThan(0)
    await knex('audit_closings').where({ number: 3 }).update({ number: 2 })
    expect((await verify()).fault_count).toBe(0)
    await knex('audit_closings').insert({ ...second, number: 3, part: 2 })
    expect((await verify()).faults).toContainEqual(expect.objectContaining({ kind: 'unproven_closing' }))
  })

  it('goes on from chains that name a dropped chain as the one before them', async () => {
    const old = await write(test.database, newWriter(), inMonth(7), 3)
    await settleDefaultPartition(test.database.knex)
    const detail = {
      process: 'test',
      predecessor_writer_id: old.writer_id,
      predecessor_seq: old.seq,
      predecessor_hash: old.hash.toString('hex'),
    }
    await audit.append({ type: 'writer.started', actor: { kind: 'server' }, detail })
    await keep(2)
    expect(await verify()).toMatchObject({ fault_count: 0 })
    await audit.append({
      type: 'writer.started',
      actor: { kind: 'server' },
      detail: { ...detail, predecessor_hash: 'ab'.repeat(32) },
    })
    expect((await verify()).faults).toMatchObject([{ kind: 'missing_predecessor', seq: 3 }])
  })

  it('keeps the log whole when a clock was set back over the end of a month, and over the drop', async () => {
    const { database } = test
    let head = await write(database, newWriter(), inMonth(4), 2)
    head = await write(database, head, inMonth(3), 2)
    head = await write(database, head, inMonth(4), 2)
    head = await write(database, head, inMonth(1), 2)
    await keep(3, { directory })
    expect(await verify()).toMatchObject({ fault_count: 0 })
    head = await write(database, head, inMonth(4), 2)
    await write(database, head, inMonth(0), 2)
    await settleDefaultPartition(database.knex)
    expect(await verify()).toMatchObject({ fault_count: 0 })
    expect(await keep(3, { directory })).toMatchObject([
      { partition: partitionOf(4), rows: 2, archive: join(directory, `${partitionOf(4)}.2`) },
    ])
    expect(await verify()).toMatchObject({ fault_count: 0 })
    expect(await verifyAll()).toMatchObject({
      archives: { archives: 3, fault_count: 0 },
      log: { fault_count: 0 },
    })
  })

  it('keeps a month whose rows were changed', async () => {
    await test.database.knex.raw(`alter table ${partitionOf(4)} disable trigger all`)
    await test.database.knex(partitionOf(4)).where({ seq: 6 }).update({ tool: 'another' })
    await expect(keep(2)).rejects.toMatchObject({ code: 'conflict' })
    expect(await monthsLeft()).toEqual([4, 3, 2, 1, 0].map(partitionOf))
  })

  it('refuses to keep nothing', async () => {
    for (const months of [0, -1, 0.5, Number.NaN])
      await expect(keep(months)).rejects.toMatchObject({ code: 'invalid_input' })
  })
})

describe('retain with archives', () => {
  it('drops only what is archived, and archives, closings and log together are whole', async () => {
    const dropped = await keep(2, { directory })
    expect(dropped.map(({ archive }) => archive)).toEqual(
      [5, 4, 3].map((ago) => join(directory, partitionOf(ago))),
    )
    expect(await verifyAll()).toMatchObject({
      archives: { archives: 3, rows: 24, fault_count: 0, begun_before: 0 },
      log: { fault_count: 0 },
    })
  })

  it('drops nothing when the archive cannot be written or is not the month', async () => {
    await writeFile(join(directory, 'file'), '')
    await expect(keep(2, { directory: join(directory, 'file') })).rejects.toThrow()
    await writeFile(join(directory, `${partitionOf(5)}.manifest.json`), '{}')
    await expect(keep(2, { directory })).rejects.toMatchObject({ code: 'conflict' })
    expect(await monthsLeft()).toHaveLength(6)
  })

  it('finds, from the archives, a month that vanished, another log, and a lost archive', async () => {
    await keep(4, { directory })
    await keep(3)
    expect(await verifyAll()).toMatchObject({ archives: { archives: 1, fault_count: 0 } })
    await keep(2, { directory })
    expect(await verifyAll()).toMatchObject({ archives: { archives: 2, fault_count: 0, begun_before: 0 } })
    const { knex } = test.database
    await knex.raw('alter table audit_closings disable trigger all')
    await knex('audit_closings').where({ number: 3 }).delete()
    const { archives } = await verifyAll()
    expect(archives.faults).toContainEqual(
      expect.objectContaining({ archive: partitionOf(3), kind: 'gap', seq: 12 }),
    )
  })
})

describe('whatever stops it', () => {
  /** Every step at which it can stop, before the commit. */
  const steps: Record<string, () => Partial<RetentionOptions>> = {
    'while the archive is written': () => ({
      on_progress: () => {
        throw new Error('killed')
      },
    }),
    'before the manifest is signed': () => ({
      evidence: { ...keys, sign: () => Promise.reject(new Error('killed')) },
    }),
    'when the closing is signed': () => ({
      evidence: {
        ...keys,
        sign: (statement) =>
          'closed_at' in statement ? Promise.reject(new Error('killed')) : keys.sign(statement),
      },
    }),
    'when the closing is handed out': () => ({
      evidence: { ...keys, publish: () => Promise.reject(new Error('killed')) },
    }),
  }

  it.each(Object.keys(steps))('%s, the month is still there, and the next run finishes', async (step) => {
    await expect(keep(4, { directory, ...steps[step]!() })).rejects.toThrow('killed')
    expect(await monthsLeft()).toHaveLength(6)
    expect(await readClosings(test.database.knex)).toEqual([])
    expect(await verify()).toMatchObject({ fault_count: 0 })
    expect(await keep(4, { directory })).toMatchObject([{ partition: partitionOf(5) }])
    expect(await verifyAll()).toMatchObject({ archives: { fault_count: 0 }, log: { fault_count: 0 } })
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('by a lost connection, the month is there or closed, never neither', async () => {
    const publish = async () => {
      await test.database.knex.raw(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and state = 'idle in transaction'`,
      )
    }
    await expect(keep(4, { directory, evidence: { ...keys, publish } })).rejects.toThrow()
    expect(await monthsLeft()).toHaveLength(6)
    expect(await keep(4, { directory })).toHaveLength(1)
    expect(await verifyAll()).toMatchObject({ archives: { fault_count: 0 }, log: { fault_count: 0 } })
  })

  it('readers make it wait, and it drops when they are gone', async () => {
    const reader = await test.database.knex.transaction()
    await reader.raw('select from audit_events limit 1')
    const dropping = keep(4)
    const isWaiting = async () =>
      (await test.database.knex.raw('select from pg_locks where not granted')).rows.length > 0
    while (!(await isWaiting()));
    await reader.rollback()
    expect(await dropping).toHaveLength(1)
  })

  it('writers go on writing while months are dropped', async () => {
    const server = new AuditLog(test.database.hot)
    let running = true
    const writing = (async () => {
      for (let index = 0; running; index++) await server.append(decided(index))
    })()
    expect(await keep(1, { directory })).toHaveLength(4)
    running = false
    await writing
    await server.close()
    expect(await verifyAll()).toMatchObject({ archives: { fault_count: 0 }, log: { fault_count: 0 } })
  })
})
