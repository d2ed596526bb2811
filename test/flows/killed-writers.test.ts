import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCheckpoint } from '../../src/audit/integrity/checkpoints/checkpoint.ts'
import { verifyChains } from '../../src/audit/integrity/verification/verify.ts'
import { type AuditRow, GENESIS } from '../../src/audit-chain/hash-chain.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { ServerProcess } from '../support/server-process.ts'

/** Server processes that end by kill -9 or in order, and what the log and the checkpoints then hold of them. */
let test: TestDatabase
let directory: string
beforeAll(async () => {
  test = await createTestDatabase()
  directory = await mkdtemp(join(tmpdir(), 'toolgate-checkpoints-'))
})
afterAll(async () => {
  for (const server of running) await server.end()
  await test?.drop()
  await rm(directory, { recursive: true, force: true })
})

const running = new Set<ServerProcess>()

/** Resolves when the server has said what it has to say: the start is recorded, and so the writer began. */
async function start(): Promise<ServerProcess> {
  const server = await ServerProcess.start({
    database_url: test.url,
    env: { TOOLGATE_AUDIT_CHECKPOINT_SINKS: `file:${join(directory, 'checkpoints')}` },
  })
  running.add(server)
  const detail = JSON.stringify({ issuer: server.issuer })
  for (;;)
    if (await test.database.knex('audit_events').where({ type: 'server.started', detail }).first())
      return server
}

/** Sessions of a killed process take a moment to leave. */
async function untilNobodyWrites(): Promise<void> {
  for (;;) {
    const { rows } = await test.database.knex.raw(
      `select from pg_stat_activity where datname = current_database() and application_name = 'toolgate-server'`,
    )
    if (rows.length === 0) return
  }
}

function eventsOf(type: string): Promise<AuditRow[]> {
  return test.database.knex('audit_events').where({ type }).orderBy('occurred_at', 'desc')
}

async function lastRow(): Promise<AuditRow> {
  return test.database.knex('audit_events').orderBy('seq', 'desc').first()
}

describe('a server that was killed', () => {
  it('has its chain closed by the next start, and nothing of the log is in doubt', async () => {
    const victim = await start()
    victim.killNow()
    await victim.end()
    await untilNobodyWrites()
    const last = await lastRow()
    const next = await start()
    const [closing] = await eventsOf('writer.closed')
    expect(closing?.detail).toMatchObject({
      writer_id: last.writer_id,
      seq: Number(last.seq),
      hash: last.hash.toString('hex'),
    })
    await next.end('SIGTERM')
    expect(await verifyChains(test.database.knex)).toMatchObject({ writers: 2, fault_count: 0 })
  })

  it('and one that ended in order leaves a checkpoint outside, against which the end of its chain is found', async () => {
    const [stopped] = await eventsOf('writer.stopped')
    const lines = (await readFile(join(directory, 'checkpoints'), 'utf8')).trim().split('\n')
    const checkpoint = await readCheckpoint(lines.at(-1) ?? '')
    expect(checkpoint.heads).toMatchObject([{ writer_id: stopped?.writer_id, seq: Number(stopped?.seq) }])
    const check = () => verifyChains(test.database.knex, { known_heads: checkpoint.heads })
    expect((await check()).faults).toEqual([])
    await test.database.knex.transaction(async (forger) => {
      await forger.raw('alter table audit_events disable trigger all')
      await forger('audit_events').where({ type: 'writer.stopped' }).delete()
    })
    expect(await verifyChains(test.database.knex)).toMatchObject({ fault_count: 0 })
    expect((await check()).faults).toMatchObject([{ kind: 'cut_off', writer_id: stopped?.writer_id }])
  })

  it('two that start at the same moment close what is left once', async () => {
    const victim = await start()
    await victim.end('SIGKILL')
    await untilNobodyWrites()
    const before = (await eventsOf('writer.closed')).length
    const both = await Promise.all([start(), start()])
    expect(await eventsOf('writer.closed')).toHaveLength(before + 1)
    const first_rows = await test.database.knex('audit_events').where({ seq: 1 })
    for (const { prev_hash } of first_rows) expect(prev_hash).toEqual(GENESIS)
    await Promise.all(both.map((server) => server.end('SIGTERM')))
    expect(await verifyChains(test.database.knex)).toMatchObject({ fault_count: 0 })
  })
})
