import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { signCheckpoint } from '../../../src/audit/integrity/checkpoints/checkpoint.ts'
import {
  generateCheckpointKey,
  parseCheckpointKey,
} from '../../../src/audit/integrity/checkpoints/checkpoint-key.ts'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { registerAuditCommands } from '../../../src/cli/audit/audit.ts'
import { auditLine } from '../../../src/cli/audit/audit-line.ts'
import { chainOf, decided } from '../../audit/rows.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

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
      /^\S+Z tool\.decided allowed actor_kind=account actor_id=usr_4 .* tool=tool_18 scope="notes:read notes:write"/,
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

describe('audit story, who and export', () => {
  it('a token comes from standard input or as an argument, and is never shown', async () => {
    const error = await run('story', 'A'.repeat(43)).catch((caught) => caught)
    expect(error).toMatchObject({ code: 'not_found' })
    expect(error.message).not.toContain('AAAA')
  })

  it('tells what an account did, in words or as JSON', async () => {
    const { knex } = test.database
    await knex('accounts').insert({ id: 'usr_3', username: 'kim', password_hash: 'x', roles: [] })
    const lines = await run('story', 'kim')
    expect(lines[0]).toContain('The story of account kim (usr_3), from ')
    expect(lines.slice(1).join('\n')).toMatch(/ 1 call of tool_10, token \?/)
    printed = []
    const told = (await run('story', 'kim', '--json', '--all')).map((line) => JSON.parse(line))
    expect(told.map(({ event }) => event.tool)).toEqual(['tool_3', 'tool_10', 'tool_17'])
    printed = []
    vi.spyOn(console, 'error').mockImplementation(() => {})
    await run('story', 'kim', '--from', '2001-01-01', '--to', '2001-01-02')
    expect(process.exitCode).toBe(1)
  })

  it('says who called a tool', async () => {
    const lines = await run('who', 'tool_3', '--last', '1d')
    expect(lines[0]).toMatch(/^USERNAME\s+ACCOUNT_ID\s+CLIENT_ID\s+CALLS\s+DENIED\s+LAST_AT/)
    expect(lines[1]).toMatch(/usr_3\s+https:\/\/client.example\/metadata.json\s+1\s+1/)
    printed = []
    expect(JSON.parse((await run('who', 'tool_3', '--json')).join(''))).toMatchObject([{ calls: 1 }])
  })

  it('refuses times that are none', async () => {
    for (const words of [
      ['who', 'x', '--last', 'week'],
      ['export', '--from', 'yesterday'],
      ['story', 'x', '--to', '2026-13-01'],
    ])
      await expect(run(...words)).rejects.toThrow(/Write a/)
  })

  it('exports to a new file that only its owner can read, and never over another', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'toolgate-export-'))
    const file = join(directory, 'log.jsonl')
    await run('export', '--output', file, '--type', 'tool.decided')
    const lines = (await readFile(file, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.map(({ tool }) => tool)).toEqual(Array.from({ length: 20 }, (_, index) => `tool_${index}`))
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    await expect(run('export', '--output', file)).rejects.toMatchObject({ code: 'EEXIST' })
    await rm(directory, { recursive: true })
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
      ['--to', 'tomorrow'],
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
    const result = JSON.parse((await run('verify', '--from', '2020-01-01', '--json'))[1]!)
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
