import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listPartitions } from '../../src/audit/integrity/archive/partition-store.ts'
import { verifyLog } from '../../src/audit/integrity/archive/verify-log.ts'
import { loadConfig } from '../../src/config/config.ts'
import { auditRetention, prepareAuditPartitions } from '../../src/main/maintenance.ts'
import { evidence, partitionOf, writeMonths } from '../audit/months.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let test: TestDatabase
let directory: string
let logged: Record<string, unknown>[]
const log = pino({}, { write: (line: string) => void logged.push(JSON.parse(line)) })

beforeEach(async () => {
  test = await createTestDatabase()
  directory = await mkdtemp(join(tmpdir(), 'toolgate-archive-'))
  logged = []
  await writeMonths(test.database, 4, 2)
})

afterEach(async () => {
  await test.drop()
  await rm(directory, { recursive: true })
})

async function months(): Promise<string[]> {
  return (await listPartitions(test.database.knex)).map(({ name }) => name)
}

describe('retention by the server', () => {
  it('keeps everything for ever unless it is told how much', async () => {
    const before = await months()
    await auditRetention(loadConfig({}), test.database, log, evidence())()
    expect([await months(), logged]).toEqual([before, []])
  })

  it('archives and drops what is older, and says so', async () => {
    const config = loadConfig({ TOOLGATE_AUDIT_RETENTION_MONTHS: '2', TOOLGATE_AUDIT_ARCHIVE_DIR: directory })
    const run = auditRetention(config, test.database, log, evidence())
    await run()
    await run()
    expect((await months())[0]).toBe(partitionOf(2))
    expect(logged.map(({ partition }) => partition)).toEqual([partitionOf(4), partitionOf(3)])
    expect(await readdir(directory)).toHaveLength(6)
    expect(await verifyLog(test.database.knex)).toMatchObject({ fault_count: 0 })
  })
})

describe('a server that starts', () => {
  it('has the partitions of the year ahead before its first event, however long nobody ran one', async () => {
    const { knex } = test.database
    for (const name of (await months()).filter((found) => found >= partitionOf(0)))
      if (name !== 'audit_events_default') await knex.raw('drop table ??', [name])
    await prepareAuditPartitions(knex, log)
    expect((await months()).filter((name) => name >= partitionOf(0))).toHaveLength(14)
  })
})
