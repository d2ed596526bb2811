import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readCheckpoint } from '../../../src/audit/integrity/checkpoints/checkpoint.ts'
import { checkpointEvidence } from '../../../src/audit/integrity/checkpoints/checkpoint-evidence.ts'
import {
  type CheckpointKey,
  generateCheckpointKey,
  parseCheckpointKey,
} from '../../../src/audit/integrity/checkpoints/checkpoint-key.ts'
import { inMonth, newWriter, partitionOf, write, writeMonths } from '../../audit/months.ts'
import { type CommandLine, commandLine } from '../commands.ts'

let cli: CommandLine
let directory: string
let key: CheckpointKey

beforeEach(async () => {
  cli = await commandLine()
  directory = await mkdtemp(join(tmpdir(), 'toolgate-archive-'))
  key = await parseCheckpointKey(await generateCheckpointKey())
  cli.context.evidence = checkpointEvidence({
    db: cli.context.db,
    issuer: 'https://auth.example',
    key: async () => key,
    sinks: [`file:${join(directory, 'closings')}`],
  })
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  await writeMonths(cli.test.database, 4, 3)
})

afterEach(async () => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  await cli.close()
  await rm(directory, { recursive: true })
})

const month = (ago: number) => partitionOf(ago).slice('audit_events_'.length).replace('_', '-')

const runJson = (...words: string[]) => cli.json('audit', ...words)

describe('audit archive', () => {
  it('writes the months asked for, and says of the second time that they were there', async () => {
    const words = ['archive', '--output', directory, '--before', month(2)]
    expect((await runJson(...words)).archives).toMatchObject([
      { partition: partitionOf(4), rows: 6, path: join(directory, partitionOf(4)), done: 'written' },
      { partition: partitionOf(3), rows: 6, done: 'written' },
    ])
    expect(await runJson(...words)).toMatchObject({
      archives: [{ done: 'was there' }, { done: 'was there' }],
    })
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
    const whole = 'The archives are whole: 3 archives with 18 rows of 4 writers.'
    const signed = expect.stringMatching(`^Signed with the key ${key.thumbprint}; `)
    expect(await verify()).toEqual([whole, signed])
    vi.stubEnv('TOOLGATE_DATABASE_URL', cli.test.url)
    expect(await verify()).toEqual([
      whole,
      signed,
      'The audit log goes on from them and is whole: 30 rows of 6 writers.',
    ])
    expect(await verify('--offline', '--key', key.thumbprint)).toHaveLength(2)
    expect(cli.ended()).toBe(0)
  })

  it('finds signatures by another key than the one that is named', async () => {
    const { thumbprint } = await parseCheckpointKey(await generateCheckpointKey())
    const found = await runJson('verify', '--archive', directory, '--key', thumbprint)
    expect(found.archives.fault_count).toBe(3)
    expect(cli.ended()).toBe(1)
  })

  it('ends with 1 and says what is wrong', async () => {
    await writeFile(join(directory, `${partitionOf(3)}.jsonl.gz`), 'x')
    const lines = await cli.run('audit', 'verify', '--archive', directory)
    expect(lines[0]).toMatch(/^The archives are NOT whole: 2 faults/)
    expect(lines[1]).toContain(`${partitionOf(3)}: cannot be read`)
    expect(cli.ended()).toBe(1)
    await expect(cli.run('audit', 'verify', '--archive', join(directory, 'none'))).rejects.toThrow(
      'There is no archive',
    )
  })
})

describe('audit retain', () => {
  it('says what it would drop, and drops it, archived', async () => {
    const words = ['retain', '--months', '2', '--archive', directory]
    expect((await runJson(...words, '--dry-run')).partitions).toMatchObject(
      [4, 3].map((ago) => ({ partition: partitionOf(ago) })),
    )
    expect((await runJson(...words)).partitions).toEqual(
      [4, 3].map((ago, index) => ({
        partition: partitionOf(ago),
        rows: 6,
        closing: index + 1,
        archive: join(directory, partitionOf(ago)),
      })),
    )
    expect(await runJson(...words)).toEqual({ partitions: [] })
    const handed_out = (await readFile(join(directory, 'closings'), 'utf8')).trim().split('\n')
    const closings = await Promise.all(
      handed_out.map((jws) => readCheckpoint(jws, { public_key: key.thumbprint })),
    )
    expect(closings.map(({ closes }) => closes?.partition)).toEqual([4, 3].map(partitionOf))
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
    expect(await runJson('retain')).toMatchObject({
      partitions: [{ archive: join(directory, partitionOf(4)) }],
    })
  })

  it('drops nothing when a place outside the database does not take the closing', async () => {
    cli.context.evidence = checkpointEvidence({
      db: cli.context.db,
      issuer: 'https://auth.example',
      key: async () => key,
      sinks: [`file:${directory}`],
    })
    await expect(cli.run('audit', 'retain', '--months', '2')).rejects.toThrow('does not take the closing')
    expect((await runJson('partitions')).partitions[0]).toMatchObject({ partition: partitionOf(4) })
  })
})

describe('audit partitions', () => {
  it('lists the months with their bounds, and which are archived', async () => {
    await cli.run('audit', 'archive', '--output', directory, '--partition', partitionOf(3))
    const { partitions: listed } = await runJson('partitions', '--archive', directory)
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
    const { partitions: listed } = await runJson('partitions', '--tidy')
    expect(listed[0]).toMatchObject({ partition: partitionOf(9) })
  })
})
