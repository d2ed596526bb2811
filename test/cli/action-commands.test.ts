import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAccount } from '../../src/accounts/accounts.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { AppError } from '../../src/base/errors.ts'
import { parseCatalogue } from '../../src/catalogue/catalogue-file.ts'
import { applyCatalogue } from '../../src/catalogue/catalogue-store.ts'
import { registerActionCommands } from '../../src/cli/action-commands.ts'
import { createProgram } from '../../src/cli/program.ts'
import { TEST } from '../support/origins.ts'
import { type CommandLine, commandLine } from './commands.ts'

/** Commands made from actions. Nothing is worded by hand here, so that all of them are made. */
let cli: CommandLine
const CATALOGUE = `
resources:
  - resource: http://localhost:4001/mcp
    name: Notes
    default_scopes: [notes:read]
    scopes:
      notes:read: { description: Read your notes, tools: [search_notes] }
roles:
  reader: { 'http://localhost:4001/mcp': ['notes:read'] }
`

beforeAll(async () => {
  cli = await commandLine(registerActionCommands)
  const read = parseCatalogue(CATALOGUE)
  if ('faults' in read) throw new Error(read.faults.join())
  await applyCatalogue(cli.context.db, read.catalogue, 'test')
  await createAccount(
    cli.context,
    { username: 'kim', password: 'correct horse battery', roles: ['reader'] },
    TEST,
  )
})
afterAll(() => cli.close())

const json = async (...words: string[]) =>
  JSON.parse((await cli.run(...words, '--json')).join('\n')) as unknown

describe('a command made from an action', () => {
  it('answers with --json what the API answers', async () => {
    expect(await json('grants', 'list')).toEqual({ grants: [] })
    expect(await json('audit', 'tail', '--type', 'account.created', '--limit', '5')).toMatchObject({
      events: [{ type: 'account.created', actor_kind: 'cli', actor_id: 'test@machine' }],
    })
  })

  it('speaks in tables and facts to people', async () => {
    expect(await cli.run('grants', 'list')).toEqual(['None.'])
    const [head, row] = await cli.run('audit', 'tail', '--type', 'account.created')
    expect(head).toMatch(/TYPE +ACTOR/)
    expect(row).toMatch(/account\.created +test/)
  })

  it('does what it says as `cli`, recorded like everything else', async () => {
    const made = (await json(
      'clients',
      'add',
      '--name',
      'Reports',
      '--redirect-uris',
      'https://a.example/cb',
    )) as {
      client_id: string
    }
    const { events } = await pageEvents(cli.context.db, { client_id: made.client_id }, 1)
    expect(events).toMatchObject([{ actor_kind: 'cli', actor_id: 'test@machine' }])
  })

  it('takes what stands in the path as an argument', async () => {
    await expect(cli.run('grants', 'show', 'no-such-grant')).rejects.toMatchObject({ code: 'not_found' })
    await expect(cli.run('grants', 'show')).rejects.toThrow(/missing required argument 'id'/)
  })

  it.each([
    ['a number that is out of range', ['grants', 'list', '--limit', '0'], AppError],
    ['a number that is none', ['grants', 'list', '--limit', 'x'], AppError],
    ['a choice that is none', ['audit', 'tail', '--decision', 'maybe'], /Allowed choices are/],
    ['an option that is none', ['grants', 'list', '--nonsense', '1'], /unknown option/],
    ['a missing option', ['audit', 'who'], /required option '--tool <value>'/],
  ])('refuses %s', async (_, words, expected) => {
    await expect(cli.run(...words)).rejects.toThrow(expected)
  })

  it('leaves nothing open', () => {
    expect(cli.left_open()).toBe(0)
  })
})

it('every command says what it is for', async () => {
  const all = (group: Command): Command[] => group.commands.flatMap((each) => [each, ...all(each)])
  const silent = all(await createProgram()).filter((each) => each.description() === '')
  expect(silent.map((each) => each.name())).toEqual([])
})
