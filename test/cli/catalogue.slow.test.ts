import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { currentVersion } from '../../src/catalogue/catalogue-store.ts'
import { type CommandLine, commandLine } from './commands.ts'

let cli: CommandLine
let directory: string

beforeEach(async () => {
  cli = await commandLine()
  directory = await mkdtemp(join(tmpdir(), 'toolgate-catalogue-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true })
  await cli.close()
})

const run = (...words: string[]) => cli.attempt('catalogue', ...words)
const json = (...words: string[]) => cli.json('catalogue', ...words)

/** What the audit log holds of applied catalogues. */
async function applied(): Promise<unknown[]> {
  const { events } = await pageEvents(cli.context.db, { type: 'catalogue.applied' }, 10)
  return events.map(({ type, actor_kind, detail }) => ({ type, actor_kind, detail }))
}

async function faulty(): Promise<string> {
  const file = join(directory, 'bad.yaml')
  await writeFile(file, 'resources: []\nrolls: {}\n')
  return file
}

describe('catalogue check', () => {
  it('accepts the example file', async () => {
    expect(await run('check')).toEqual({
      lines: ['No faults: 1 resources, 3 scopes, 5 tools, 2 roles.'],
      errors: [],
      code: 0,
    })
  })

  it('prints every fault on stderr and exits 1', async () => {
    const file = await faulty()
    const { lines, errors, code } = await run('check', file)
    expect(errors.sort()).toEqual([
      `${file}: resources: is empty; describe at least one resource`,
      `${file}: roles: is missing; add a map`,
      `${file}: rolls: is an unknown key; remove or correct it`,
    ])
    expect([lines, code]).toEqual([[], 1])
  })

  it('--json prints the faults as one object too', async () => {
    expect(await json('check', await faulty())).toMatchObject({
      valid: false,
      faults: expect.arrayContaining(['roles: is missing; add a map']),
    })
    expect(cli.ended()).toBe(1)
  })

  it('a file that is not there is told in a sentence', async () => {
    for (const command of ['check', 'diff', 'apply'])
      await expect(run(command, 'absent.yaml')).rejects.toThrow(
        'absent.yaml cannot be read: no such file or directory',
      )
  })
})

describe('catalogue diff and apply', () => {
  it('diff prints what apply then does, and changes nothing itself', async () => {
    const { lines: announced } = await run('diff')
    expect(await currentVersion(cli.context.db)).toBeUndefined()
    const { lines: said } = await run('apply')
    expect(said).toEqual([...announced, 'Version 1 is in force.'])
    expect((await run('diff')).lines).toEqual(['Nothing changes.'])
    expect(cli.left_open()).toBe(0)
  })

  it('apply records one event with the version and the number of changes; an unchanged file records none', async () => {
    const { version, changes } = await json('apply', '--reason', 'the first')
    const detail = { version, changes: changes.length, reason: 'the first' }
    const event = { type: 'catalogue.applied', actor_kind: 'cli', detail }
    expect(await applied()).toEqual([event])
    expect(await json('apply')).toEqual({ version, changes: [] })
    expect(await applied()).toEqual([event])
  })

  it('apply refuses what is not the file, or replaces not the version, that was looked at', async () => {
    await expect(run('apply', '--digest', 'another')).rejects.toMatchObject({ code: 'conflict' })
    await expect(run('apply', '--expected-version', '7')).rejects.toMatchObject({ code: 'conflict' })
    expect(await applied()).toEqual([])
  })

  it('a faulty file is never applied, and diff names its faults', async () => {
    const file = await faulty()
    await expect(run('apply', file)).rejects.toThrow('roles: is missing; add a map')
    expect(await applied()).toEqual([])
    const { errors, code } = await run('diff', file)
    expect([errors, code]).toEqual([expect.arrayContaining(['roles: is missing; add a map']), 1])
  })
})
