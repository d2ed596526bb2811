import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AuditLog } from '../../src/audit/audit-log.ts'
import { signCheckpoint } from '../../src/audit/checkpoint.ts'
import { generateCheckpointKey, parseCheckpointKey } from '../../src/audit/checkpoint-key.ts'
import { auditLine, registerAuditCommands } from '../../src/cli/audit.ts'
import { chainOf, decided } from '../audit/rows.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

let test: TestDatabase
let printed: string[]
/** Called with each line that a command prints. */
let onPrint: (line: string) => void

beforeEach(async () => {
  test = await createTestDatabase()
  printed = []
  onPrint = () => {}
  vi.spyOn(console, 'log').mockImplementation((line: string) => {
    printed.push(line)
    onPrint(line)
  })
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  const log = new AuditLog(test.database.hot)
  await log.append(Array.from({ length: 20 }, (_, index) => decided(index)))
})

afterEach(async () => {
  vi.restoreAllMocks()
  process.exitCode = undefined
  await test.drop()
})

async function run(...words: string[]): Promise<string[]> {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} })
  registerAuditCommands(program, async () => ({
    knex: test.database.knex,
    audit: new AuditLog(test.database.hot),
    close: async () => {},
  }))
  await program.parseAsync(['audit', ...words], { from: 'user' })
  return printed
}

describe('audit tail', () => {
  it('prints the newest events, oldest first, one a line', async () => {
    const lines = await run('tail', '-n', '2')
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatch(
      /^\S+Z tool\.decided allowed actor=usr_4 .* tool=tool_18 scope="notes:read notes:write"/,
    )
    expect(lines[1]).toContain('tool=tool_19')
  })

  it('prints JSON lines of what matches', async () => {
    const lines = await run(
      'tail',
      '--json',
      '--account',
      'usr_3',
      '--type',
      'tool.decided',
      '--grant',
      'grant_0',
    )
    expect(lines.map((line) => JSON.parse(line).tool)).toEqual(['tool_10'])
    expect(JSON.parse(lines[0]!)).toMatchObject({ seq: 12, hash: expect.stringMatching(/^[0-9a-f]{64}$/) })
  })

  it('refuses a type and a count that it does not know', async () => {
    await expect(run('tail', '--type', 'token.sold')).rejects.toThrow('token.sold')
    await expect(run('tail', '-n', 'many')).rejects.toThrow('whole number')
  })

  it('follows new events until it is interrupted', async () => {
    const log = new AuditLog(test.database.hot)
    onPrint = (line) => {
      if (line.includes('tool_19')) void log.append(decided(77))
      if (line.includes('tool_77')) process.emit('SIGINT')
    }
    const lines = await run('tail', '-n', '1', '--follow', '--type', 'tool.decided')
    expect(lines.map((line) => /tool=(\w+)/.exec(line)?.[1])).toEqual(['tool_19', 'tool_77'])
  })

  it('prints nothing that steers a terminal, whatever the table holds', () => {
    const [row] = chainOf(1)
    const line = auditLine({ ...row!, tool: '\u001b[2Jx\ny', detail: { note: '\u009b31m\u202e' } })
    expect(line).not.toMatch(/[\p{Cc}\u202e]/u)
  })
})

describe('audit verify', () => {
  it('ends with 0 when the log is whole', async () => {
    expect(await run('verify')).toEqual(['The audit log is whole: 21 rows of 1 writers.'])
    expect(process.exitCode).toBeUndefined()
  })

  it('ends with 1 and names the first bad row when it is not', async () => {
    const { knex } = test.database
    await knex.raw('alter table audit_events disable trigger all')
    const writers = await knex('audit_events').where({ seq: 7 }).update({ tool: 'x' }).returning('writer_id')
    const lines = await run('verify')
    expect(process.exitCode).toBe(1)
    expect(lines[0]).toContain(`First bad row: writer ${writers[0].writer_id} seq 7 (event `)
    expect(JSON.parse((await run('verify', '--json'))[1]!)).toMatchObject({ rows: 21, fault_count: 1 })
  })

  it('ends with 2 when it cannot tell: no database, or options that make no sense', async () => {
    const errors = vi.spyOn(console, 'error').mockImplementation(() => {})
    const program = new Command()
    registerAuditCommands(program, async () => {
      throw new Error('no database there')
    })
    await program.parseAsync(['audit', 'verify'], { from: 'user' })
    expect(process.exitCode).toBe(2)
    expect(errors.mock.lastCall?.[0]).toBe('toolgate: the audit log was not checked: no database there')
    for (const words of [
      ['--from', 'yesterday'],
      ['--jobs', '0'],
    ]) {
      process.exitCode = undefined
      await run('verify', ...words)
      expect(process.exitCode).toBe(2)
      expect(errors.mock.lastCall?.[0]).toContain(words[0])
    }
    expect(printed).toEqual([])
  })

  it('checks only the rows of a time', async () => {
    expect(await run('verify', '--to', '2020-01-01')).toEqual([
      'The audit log is whole: 0 rows of 0 writers.',
    ])
    const result = JSON.parse((await run('verify', '--from', '2020-01-01', '--jobs', '1', '--json'))[1]!)
    expect(result).toMatchObject({ rows: 21, writers: 1, taken_as_given: 0 })
  })

  it('checks the log against checkpoints that were kept elsewhere', async () => {
    const writer_id = 'c0ffee00-0000-4000-8000-000000000000'
    const key = await parseCheckpointKey(await generateCheckpointKey())
    const heads = [{ writer_id, seq: 3, hash: Buffer.alloc(32) }]
    const file = join(await mkdtemp(join(tmpdir(), 'toolgate-')), 'checkpoints')
    const jws = await signCheckpoint(key, { issuer: 'https://auth.example', created_at: new Date(), heads })
    await writeFile(file, `${jws}\n`)
    await run('verify', '--checkpoint', file)
    expect(process.exitCode).toBe(1)
    expect(printed[0]).toContain(`First bad row: writer ${writer_id} seq 1.`)
    expect(printed[0]).toContain('missing_writer: the whole chain is missing; it had at least 3 rows')
    await rm(dirname(file), { recursive: true })
  })

  it('shows progress where that is asked for', async () => {
    await run('verify', '--progress')
    const shown = vi.mocked(process.stderr.write).mock.calls.map(([text]) => String(text))
    expect(shown[0]).toMatch(/^\r21 rows, \d+ a second, 100 % $/)
  })
})
