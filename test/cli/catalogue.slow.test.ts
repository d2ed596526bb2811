import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { currentVersion } from '../../src/catalogue/catalogue-store.ts'
import { registerCatalogueCommands } from '../../src/cli/catalogue.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TEST } from '../support/origins.ts'

let test_database: TestDatabase
let directory: string
let audit: AuditLog
let opened: number
let closed: number

beforeEach(async () => {
  test_database = await createTestDatabase()
  directory = await mkdtemp(join(tmpdir(), 'toolgate-catalogue-'))
  audit = new AuditLog(test_database.database.hot)
  opened = 0
  closed = 0
})
afterEach(async () => {
  vi.restoreAllMocks()
  process.exitCode = undefined
  await rm(directory, { recursive: true })
  await audit.close()
  await test_database.drop()
})

async function run(...words: string[]): Promise<{ out: string[]; err: string[]; exit: unknown }> {
  const out: string[] = []
  const err: string[] = []
  vi.spyOn(console, 'log').mockImplementation((line) => void out.push(line))
  vi.spyOn(console, 'error').mockImplementation((line) => void err.push(line))
  process.exitCode = undefined
  const program = new Command().exitOverride()
  registerCatalogueCommands(program, async () => {
    opened += 1
    const { knex } = test_database.database
    return {
      db: knex,
      knex,
      audit,
      close: async () => {
        closed += 1
      },
    }
  })
  await program.parseAsync(['catalogue', ...words], { from: 'user' })
  return { out, err, exit: process.exitCode }
}

/** What the audit log holds of applied catalogues. */
async function applied(): Promise<unknown[]> {
  const { knex } = test_database.database
  const { events } = await pageEvents(knex, { type: 'catalogue.applied' }, 10)
  return events.map(({ type, actor_kind, detail }) => ({ type, actor_kind, detail }))
}

describe('catalogue check', () => {
  it('accepts the example file without a database', async () => {
    expect(await run('check')).toEqual({
      out: ['No faults: 1 resources, 3 scopes, 5 tools, 2 roles.'],
      err: [],
      exit: undefined,
    })
    expect(opened).toBe(0)
  })

  it('prints every fault on stderr and exits 1', async () => {
    const file = join(directory, 'bad.yaml')
    await writeFile(file, 'resources: []\nrolls: {}\n')
    const { out, err, exit } = await run('check', file)
    expect(err.sort()).toEqual([
      `${file}: resources: is empty; describe at least one resource`,
      `${file}: roles: is missing; add a map`,
      `${file}: rolls: is an unknown key; remove or correct it`,
    ])
    expect(out).toEqual([])
    expect(exit).toBe(1)
  })

  it('--json prints the faults as one object too', async () => {
    const { out, exit } = await run('check', join(directory, 'absent.yaml'), '--json')
    expect(JSON.parse(out[0]!)).toMatchObject({ valid: false, faults: [expect.stringContaining('ENOENT')] })
    expect(exit).toBe(1)
  })
})

describe('catalogue diff and apply', () => {
  it('diff prints what apply then does, and changes nothing itself', async () => {
    const { out: announced } = await run('diff')
    expect(await currentVersion(test_database.database.knex)).toBeUndefined()
    const { out: said } = await run('apply')
    expect(said).toEqual([...announced, 'Version 1 is in force.'])
    expect((await run('diff')).out).toEqual(['Nothing changes.'])
    expect(closed).toBe(opened)
  })

  it('apply records one event with the version and the number of changes; an unchanged file records none', async () => {
    const { out } = await run('apply', '--json')
    const { version, changes } = JSON.parse(out[0]!)
    const event = {
      type: 'catalogue.applied',
      actor: TEST.actor,
      detail: { version, changes: changes.length },
    }
    expect(await applied()).toEqual([event])
    expect(JSON.parse((await run('apply', '--json')).out[0]!)).toEqual({ version, changes: [] })
    expect(await applied()).toEqual([event])
  })

  it('a faulty file is never applied', async () => {
    const file = join(directory, 'bad.yaml')
    await writeFile(file, 'resources: []\nroles: {}\n')
    expect((await run('apply', file)).exit).toBe(1)
    expect(opened).toBe(0)
  })
})
