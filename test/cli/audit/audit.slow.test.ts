import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { eventLine } from '../../../src/audit/export/event-line.ts'
import { signCheckpoint } from '../../../src/audit/integrity/checkpoints/checkpoint.ts'
import {
  generateCheckpointKey,
  parseCheckpointKey,
} from '../../../src/audit/integrity/checkpoints/checkpoint-key.ts'
import { AuditLog } from '../../../src/audit/log/audit-log.ts'
import { createProgram } from '../../../src/cli/program.ts'
import { chainOf, decided } from '../../audit/rows.ts'
import { type CommandLine, commandLine } from '../commands.ts'

let cli: CommandLine

beforeEach(async () => {
  cli = await commandLine()
  vi.spyOn(process.stderr, 'write').mockImplementation(() => true)
  const log = new AuditLog(cli.test.database.hot)
  await log.append(Array.from({ length: 20 }, (_, index) => decided(index)))
})

afterEach(async () => {
  vi.restoreAllMocks()
  process.exitCode = undefined
  await cli.close()
})

const run = (...words: string[]) => cli.run('audit', ...words)
const json = (...words: string[]) => cli.json('audit', ...words)

describe('audit tail', () => {
  it('prints the newest events, oldest first, one a line', async () => {
    const lines = await run('tail', '-n', '2')
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatch(
      /^\S+Z tool\.decided allowed actor=account:usr_4 .* tool=tool_18 scope="notes:read notes:write"/,
    )
    expect(lines[1]).toContain('tool=tool_19')
  })

  it('prints with --json what the API answers', async () => {
    const only = ['--account', 'usr_3', '--type', 'tool.decided', '--grant', 'grant_0', '--from', '1d']
    const { events } = await json('tail', ...only)
    expect(events).toMatchObject([
      { tool: 'tool_10', seq: 12, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ])
  })

  it('finds the newest of a kind, however far back they are, and says how to go on', async () => {
    const log = new AuditLog(cli.test.database.hot)
    await log.append({ ...decided(1), client_id: 'rare' })
    await log.append(Array.from({ length: 50 }, (_, index) => decided(index)))
    const { lines, errors } = await cli.attempt('audit', 'tail', '--tool', 'tool_1', '-n', '2')
    expect(lines).toHaveLength(2)
    const [, after = ''] = /^There is more: --after (\S+)$/.exec(errors.join('\n')) ?? []
    expect((await json('tail', '--tool', 'tool_1', '--after', after)).events).toHaveLength(1)
  })

  it('a filter that nothing passes is no success', async () => {
    const words = ['audit', 'tail', '--account', 'nobody']
    expect(await cli.attempt(...words)).toEqual({ lines: [], errors: ['toolgate: Nothing matches'], code: 1 })
  })

  it('takes a username for its account', async () => {
    await cli.context.db('accounts').insert({ id: 'usr_3', username: 'kim', password_hash: 'x', roles: [] })
    expect((await json('tail', '--account', 'kim')).events).toHaveLength(3)
  })

  it('refuses a type and a count that it does not know', async () => {
    await expect(run('tail', '--type', 'token.sold')).rejects.toThrow('token.sold')
    await expect(run('tail', '-n', 'many')).rejects.toThrow(/^limit: /)
  })

  it.each([
    ['in words', [], (line: string) => /tool=(\w+)/.exec(line)?.[1]],
    ['as one JSON object a line', ['--json'], (line: string) => JSON.parse(line).tool],
  ])('follows new events until it is interrupted, %s', async (_, more, toolOf) => {
    const log = new AuditLog(cli.test.database.hot)
    cli.heard.line = (line) => {
      if (line.includes('tool_19')) void log.append(decided(77))
      if (line.includes('tool_77')) process.emit('SIGINT')
    }
    const lines = await run('tail', '-n', '1', '--follow', '--type', 'tool.decided', ...more)
    expect(lines.map(toolOf)).toEqual(['tool_19', 'tool_77'])
  })

  it('prints nothing that steers a terminal, whatever the table holds', () => {
    const [row] = chainOf(1)
    const line = eventLine({ ...row!, tool: '\u001b[2Jx\ny', detail: { note: '\u009b31m\u202e' } })
    expect(line).not.toMatch(/[\p{Cc}\u202e]/u)
  })
})

describe('audit story, who and export', () => {
  it('a token is never shown', async () => {
    const error = await run('story', 'Aa'.repeat(22).slice(1)).catch((caught) => caught)
    expect(error).toMatchObject({ code: 'invalid_input' })
    expect(error.message).toContain('standard input')
    expect(error.message).not.toContain('AaAa')
  })

  it('tells what an account did, in words or as JSON', async () => {
    const { db } = cli.context
    await db('accounts').insert({ id: 'usr_3', username: 'kim', password_hash: 'x', roles: [] })
    const lines = await run('story', 'kim')
    expect(lines[0]).toContain('The story of account kim, from ')
    expect(lines.slice(1).join('\n')).toMatch(/ 1 call of tool_10, token \?/)
    const { kind, entries } = await json('story', 'kim', '--all')
    expect(kind).toBe('account')
    expect(entries.map(({ event }: { event: { tool: string } }) => event.tool)).toEqual([
      'tool_3',
      'tool_10',
      'tool_17',
    ])
    const { lines: none, code } = await cli.attempt(
      ...['audit', 'story', 'kim', '--from', '2001-01-01', '--to', '2001-01-02'],
    )
    expect([none, code]).toEqual([[], 1])
  })

  it('says who called a tool', async () => {
    const lines = await run('who', 'tool_3', '--from', '1d')
    expect(lines[0]).toMatch(/^USERNAME\s+ACCOUNT_ID\s+CLIENT_ID\s+CALLS\s+DENIED\s+REPORTED\s+LAST_AT/)
    expect(lines[1]).toMatch(/usr_3\s+https:\/\/client.example\/metadata.json\s+1\s+1/)
    expect(await json('who', 'tool_3')).toMatchObject({ callers: [{ calls: 1 }] })
    expect((await cli.attempt('audit', 'who', 'tol_3')).code).toBe(1)
  })

  it('refuses times that are none', async () => {
    for (const words of [
      ['who', 'x', '--from', 'week'],
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
    expect(cli.ended()).toBe(0)
  })

  it('ends with 1 and names the first bad row when it is not', async () => {
    const { db } = cli.context
    await db.raw('alter table audit_events disable trigger all')
    const writers = await db('audit_events').where({ seq: 7 }).update({ tool: 'x' }).returning('writer_id')
    const lines = await run('verify')
    expect(cli.ended()).toBe(1)
    expect(lines[1]).toContain(`First bad row: writer ${writers[0].writer_id} seq 7 (event `)
    expect(await json('verify')).toMatchObject({ rows: 21, fault_count: 1 })
  })

  it('ends with 2 when it cannot tell: no database, or options that make no sense', async () => {
    const errors = vi.spyOn(console, 'error').mockImplementation(() => {})
    const openAudit = async () => {
      throw new Error('no database there')
    }
    const program = await createProgram(undefined, { openAudit })
    await program.parseAsync(['audit', 'verify'], { from: 'user' })
    expect(process.exitCode).toBe(2)
    expect(errors.mock.lastCall?.[0]).toBe('toolgate: the audit log was not checked: no database there')
    expect(await cli.attempt('audit', 'verify', '--from', 'yesterday')).toEqual({
      lines: [],
      errors: [expect.stringContaining('from: Write a date')],
      code: 2,
    })
  })

  it('checks only the rows of a time', async () => {
    expect(await run('verify', '--to', '2020-01-01')).toEqual([
      'The audit log is whole: 0 rows of 0 writers.',
    ])
    const result = await json('verify', '--from', '2020-01-01')
    expect(result).toMatchObject({ rows: 21, writers: 1, taken_as_given: 0 })
  })

  it('checks the log against checkpoints that were kept elsewhere', async () => {
    const writer_id = 'c0ffee00-0000-4000-8000-000000000000'
    const key = await parseCheckpointKey(await generateCheckpointKey())
    const heads = [{ writer_id, seq: 3, hash: Buffer.alloc(32) }]
    const file = join(await mkdtemp(join(tmpdir(), 'toolgate-')), 'checkpoints')
    const jws = await signCheckpoint(key, { issuer: 'https://auth.example', created_at: new Date(), heads })
    await writeFile(file, `${jws}\n`)
    const text = (await run('verify', '--checkpoint', file)).join('\n')
    expect(cli.ended()).toBe(1)
    expect(text).toContain(`First bad row: writer ${writer_id} seq 1.`)
    expect(text).toContain('missing_writer: the whole chain is missing; it had at least 3 rows')
    await rm(dirname(file), { recursive: true })
  })

  it('shows progress where that is asked for', async () => {
    await run('verify', '--progress')
    const shown = vi.mocked(process.stderr.write).mock.calls.map(([text]) => String(text))
    expect(shown[0]).toMatch(/^\r21 rows, \d+ a second, 100 % $/)
  })
})
