import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAccount } from '../../src/accounts/accounts.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { AppError } from '../../src/base/errors.ts'
import { createProgram } from '../../src/cli/program.ts'
import { type CommandLine, commandLine } from './commands.ts'

let cli: CommandLine
beforeAll(async () => {
  cli = await commandLine()
  await createAccount(cli.context, {
    username: 'kim',
    password: 'correct horse battery',
    roles: [],
    actor: 'test',
  })
})
afterAll(() => cli.close())

describe('a command made from an action', () => {
  it('answers with --json what the API answers', async () => {
    expect(await cli.json('grants', 'list')).toEqual({ grants: [] })
    expect(await cli.json('audit', 'tail', '--type', 'account.created', '--limit', '5')).toMatchObject({
      events: [{ type: 'account.created', actor: 'test' }],
    })
  })

  it('speaks in tables, facts and sentences to people', async () => {
    expect(await cli.run('grants', 'list')).toEqual(['None.'])
    const [head, row] = await cli.run('accounts', 'list')
    expect([head, row]).toEqual([expect.stringMatching(/USERNAME +ROLES/), expect.stringContaining('kim')])
    expect(await cli.run('accounts', 'show', 'kim')).toContain('username           kim')
  })

  it('does what it says as `cli`, recorded like everything else', async () => {
    const { client_id } = await cli.json(
      'clients',
      'add',
      'Reports',
      '--redirect-uri',
      'https://a.example/cb',
    )
    const { events } = await pageEvents(cli.context.db, { client_id }, 1)
    expect(events).toMatchObject([{ actor: 'cli' }])
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
    ['a missing option', ['clients', 'block', 'cl_x'], /required option '--reason <value>'/],
    ['a time that is none', ['audit', 'tail', '--from', 'yesterday'], /Write a date/],
  ])('refuses %s', async (_, words, expected) => {
    await expect(cli.run(...words)).rejects.toThrow(expected)
  })

  it('leaves nothing open, and opens nothing for an input that cannot be', () => {
    expect(cli.left_open()).toBe(0)
  })
})

const all = (group: Command): Command[] => group.commands.flatMap((each) => [each, ...all(each)])
const COMMANDS = all(await createProgram())
// Their URL is what they are about.
const NAMES_A_URL = new Set(['doctor', 'review'])

it('every command, argument and option says what it is for', () => {
  const silent = COMMANDS.flatMap((command) => [
    ...(command.description() === '' ? [command.name()] : []),
    ...command.options
      .filter(({ description }) => description === '')
      .map(({ flags }) => `${command.name()} ${flags}`),
    ...command.registeredArguments
      .filter(({ description }) => description === '' && !NAMES_A_URL.has(command.name()))
      .map((argument) => `${command.name()} <${argument.name()}>`),
  ])
  expect(silent).toEqual([])
})

it('no command has an option twice', () => {
  for (const command of COMMANDS) {
    const flags = command.options.map(({ long }) => long)
    expect(new Set(flags).size, command.name()).toBe(flags.length)
  }
})
