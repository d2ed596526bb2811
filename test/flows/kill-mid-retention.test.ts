import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { verifyArchivesAndLog } from '../../src/audit/integrity/archive/archive-live.ts'
import { readClosings } from '../../src/audit/integrity/archive/closing-store.ts'
import { listPartitions } from '../../src/audit/integrity/archive/partition-store.ts'
import { partitionOf, writeMonths } from '../audit/months.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const PROGRAM = fileURLToPath(new URL('../support/retain-and-die.ts', import.meta.url))

let test: TestDatabase
let directory: string

beforeEach(async () => {
  test = await createTestDatabase()
  directory = await mkdtemp(join(tmpdir(), 'toolgate-archive-'))
  await writeMonths(test.database, 6, 5)
})

afterEach(async () => {
  await test.drop()
  await rm(directory, { recursive: true })
})

function run(step: string): Promise<NodeJS.Signals | number | null> {
  const child = spawn(process.execPath, [PROGRAM, test.url, directory, step], { stdio: 'inherit' })
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)))
}

/** The server of Postgres ends the transaction of a killed client when it notices; the lock says that it did. */
async function untilNobodyHoldsTheLog(): Promise<void> {
  const holders = `select from pg_locks where locktype = 'advisory' and database =
    (select oid from pg_database where datname = current_database())`
  while ((await test.database.knex.raw(holders)).rows.length > 0);
}

async function oldMonths(): Promise<string[]> {
  const names = (await listPartitions(test.database.knex)).map(({ name }) => name)
  return names.filter((name) => name < partitionOf(4))
}

it.each([
  ['rows', 2],
  ['manifest', 2],
  ['closing', 2],
  ['published', 2],
  ['recorded', 2],
  ['committed', 1],
])(
  'a process killed at the step “%s” leaves each month in the log or closed and archived, and the next finishes',
  async (step, left) => {
    expect(await run(step)).toBe('SIGKILL')
    await untilNobodyHoldsTheLog()
    expect(await oldMonths()).toHaveLength(left)
    expect(await readClosings(test.database.knex)).toHaveLength(2 - left)
    if (left < 2)
      expect(await verifyArchivesAndLog(test.database.knex, directory)).toMatchObject({
        archives: { archives: 1, fault_count: 0 },
        log: { fault_count: 0 },
      })
    expect(await run('never')).toBe(0)
    expect(await oldMonths()).toEqual([])
    expect(await verifyArchivesAndLog(test.database.knex, directory)).toMatchObject({
      archives: { archives: 2, rows: 20, fault_count: 0 },
      log: { fault_count: 0 },
    })
    expect(await readdir(directory)).toHaveLength(6)
  },
)
