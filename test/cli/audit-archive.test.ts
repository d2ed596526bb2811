import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { registerAuditCommands } from '../../src/cli/audit.ts'
import { evidence, inMonth, newWriter, partitionOf, write, writeMonths } from '../audit/months.ts'
import { type CommandLine, commandLine } from './commands.ts'

let cli: CommandLine
let directory: string

beforeEach(async () => {
  cli = await commandLine(registerAuditCommands)
  cli.context.evidence = evidence()
  directory = await mkdtemp(join(tmpdir(), 'toolgate-archive-'))
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  await writeMonths(cli.test.database, 4, 3)
})

afterEach(async () => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  process.exitCode = undefined
  await cli.close()
  await rm(directory, { recursive: true })
})

const month = (ago: number) => partitionOf(ago).slice('audit_events_'.length).replace('_', '-')

async function runJson(...words: string[]) {
  return JSON.parse((await cli.run('audit', ...words, '--json')).join('\n'))
}

describe('audit archive', () => {
  it('writes the months asked for, and says of the second time that they were there', async () => {
    const words = ['archive', '--output', directory, '--before', month(2)]
    expect(await runJson(...words)).toMatchObject([
      { partition: partitionOf(4), rows: 6, path: join(directory, partitionOf(4)), done: 'written' },
      { partition: partitionOf(3), rows: 6, done: 'written' },
    ])
    expect(await runJson(...words)).toMatchObject([{ done: 'was there' }, { done: 'was there' }])
    const lines = await cli.run('audit', 'archive', '--output', directory, '--partition', partitionOf(2))
    expect(lines[0]).toMatch(/^PARTITION +ROWS +BYTES +PATH +DONE$/)
    expect(lines).toHaveLength(2)
  })

  it('refuses a month that is none and one that is not over', async () => {
    const archive = (...words: string[]) => cli.run('audit', 'archive', '--output', directory, ...words)
    for (const wrong of ['2026', '2026-13', 'May', '2026-1'])
      await expect(archive('--before', wrong)).rejects.toThrow('Not a month')
    await expect(archive('--partition', partitionOf(0))).rejects.toThrow('not a partition of a month')
    await expect(cli.run('audit', 'archive')).rejects.toThrow('--output')
  })
})

describe('audit verify --archive', () => {
  beforeEach(async () => {
    await cli.run('audit', 'archive', '--output', directory, '--before', month(1))
  })

  it('needs no database, and goes on into the log when one is configured', async () => {
    const verify = (...words: string[]) => cli.run('audit', 'verify', '--archive', directory, ...words)
    expect(await verify()).toEqual([
      'The archives are whole: 3 archives (3 signed) with 18 rows of 4 writers.',
    ])
    vi.stubEnv('TOOLGATE_DATABASE_URL', cli.test.url)
    expect(await verify()).toEqual([
      'The archives are whole: 3 archives (3 signed) with 18 rows of 4 writers.',
      'The audit log goes on from them and is whole: 30 rows of 6 writers.',
    ])
    expect(await verify('--offline')).toHaveLength(1)
    expect(process.exitCode).toBeUndefined()
  })

  it('ends with 1 and says what is wrong', async () => {
    await writeFile(join(directory, `${partitionOf(3)}.jsonl.gz`), 'x')
    const lines = await cli.run('audit', 'verify', '--archive', directory)
    expect(lines[0]).toMatch(/^The archives are NOT whole: 2 faults/)
    expect(lines[1]).toContain(`${partitionOf(3)}: cannot be read`)
    expect(process.exitCode).toBe(1)
    await expect(cli.run('audit', 'verify', '--archive', join(directory, 'none'))).rejects.toThrow(
      'There is no archive',
    )
  })
})

describe('audit retain', () => {
  it('says what it would drop, and drops it, archived', async () => {
    const words = ['retain', '--months', '2', '--archive', directory]
    expect(await runJson(...words, '--dry-run')).toMatchObject(
      [4, 3].map((ago) => ({ partition: partitionOf(ago) })),
    )
    expect(await runJson(...words)).toEqual(
      [4, 3].map((ago, index) => ({
        partition: partitionOf(ago),
        rows: 6,
        closing: index + 1,
        archive: join(directory, partitionOf(ago)),
      })),
    )
    expect(await runJson(...words)).toEqual([])
    vi.stubEnv('TOOLGATE_DATABASE_URL', cli.test.url)
    expect(await runJson('verify', '--archive', directory)).toMatchObject({
      archives: { archives: 2, fault_count: 0 },
      log: { fault_count: 0 },
    })
  })

  it('takes from the configuration what is not said, and needs to know how many months stay', async () => {
    await expect(cli.run('audit', 'retain')).rejects.toThrow('--months')
    for (const wrong of ['0', '-1', 'all', '1.5'])
      await expect(cli.run('audit', 'retain', '--months', wrong)).rejects.toThrow('whole number')
    vi.stubEnv('TOOLGATE_AUDIT_RETENTION_MONTHS', '3')
    vi.stubEnv('TOOLGATE_AUDIT_ARCHIVE_DIR', directory)
    expect(await runJson('retain')).toMatchObject([{ archive: join(directory, partitionOf(4)) }])
  })

  it('drops nothing without a key', async () => {
    delete cli.context.evidence
    await expect(cli.run('audit', 'retain', '--months', '2')).rejects.toThrow('no audit key')
  })
})

describe('audit partitions', () => {
  it('lists the months with their bounds, and which are archived', async () => {
    await cli.run('audit', 'archive', '--output', directory, '--partition', partitionOf(3))
    const listed = await runJson('partitions', '--archive', directory)
    expect(listed).toHaveLength(4 + 13 + 1)
    expect(listed[0]).toMatchObject({
      partition: partitionOf(4),
      archived: false,
      from: `${month(4)}-01T00:00:00.000Z`,
    })
    expect(listed[1]).toMatchObject({ partition: partitionOf(3), archived: true, bytes: expect.any(Number) })
    expect(listed.at(-1)).toMatchObject({ partition: 'audit_events_default', from: null, archived: false })
    expect((await cli.run('audit', 'partitions'))[0]).toMatch(/^PARTITION +FROM +TO +ROWS +BYTES$/)
  })

  it('moves events that lie in no month into theirs when asked to tidy', async () => {
    await write(cli.test.database, newWriter(), inMonth(9), 1)
    const listed = await runJson('partitions', '--tidy')
    expect(listed[0]).toMatchObject({ partition: partitionOf(9) })
  })
})
