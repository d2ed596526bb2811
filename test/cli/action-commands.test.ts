import { Readable } from 'node:stream'
import type { Command } from 'commander'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createAccount } from '../../src/accounts/accounts.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { AppError } from '../../src/base/errors.ts'
import { createProgram } from '../../src/cli/program.ts'
import { TEST } from '../support/origins.ts'
import { type CommandLine, commandLine } from './commands.ts'

let cli: CommandLine
beforeAll(async () => {
  cli = await commandLine()
  await createAccount(cli.context, { username: 'kim', password: 'correct horse battery', roles: [] }, TEST)
})
afterAll(() => cli.close())

describe('a command made from an action', () => {
  it('answers with --json what the API answers', async () => {
    expect(await cli.json('grants', 'list')).toEqual({ grants: [] })
    expect(await cli.json('audit', 'tail', '--type', 'account.created', '--limit', '5')).toMatchObject({
      events: [{ type: 'account.created', actor_kind: 'cli', actor_id: 'test@machine' }],
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
    expect(events).toMatchObject([{ actor_kind: 'cli', actor_id: expect.stringMatching(/^.+@.+$/) }])
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

describe('what takes much away', () => {
  afterEach(() => vi.restoreAllMocks())

  /** Who types this at a terminal; gives what is asked there. */
  function typing(text: string) {
    const terminal = Object.assign(Readable.from([text]), { isTTY: true })
    vi.spyOn(process, 'stdin', 'get').mockReturnValue(terminal as unknown as typeof process.stdin)
    return vi.spyOn(process.stderr, 'write').mockReturnValue(true)
  }

  const block = (client_id: string, ...more: string[]) =>
    cli.attempt('clients', 'block', client_id, '--reason', 'phishing', ...more)

  it.each([
    ['no', 'n\n', 1],
    ['nothing, and ends the input', '', 1],
    ['anything else', 'yesterday\n', 1],
    ['yes', 'y\n', 0],
  ])('is asked for at a terminal, and not done unless yes is typed: %s', async (_, text, code) => {
    const client_id = `https://app.example/${encodeURIComponent(text)}`
    const asked = typing(text)
    expect((await block(client_id)).code).toBe(code)
    const question = asked.mock.calls.map(([said]) => String(said)).join('')
    expect(question).toContain(`Block ${client_id} and revoke its grants (grants: 0, accounts: 0)? [y/N]`)
    const { events } = await pageEvents(cli.context.db, { type: 'client.blocked', client_id }, 1)
    expect(events).toHaveLength(code === 0 ? 1 : 0)
  })

  it('is not asked for with --yes, nor in a script', async () => {
    const asked = typing('n\n')
    expect((await block('https://app.example/1', '--yes')).code).toBe(0)
    vi.spyOn(process, 'stdin', 'get').mockReturnValue(Readable.from([]) as unknown as typeof process.stdin)
    expect((await block('https://app.example/2')).code).toBe(0)
    expect(asked).not.toHaveBeenCalled()
  })

  it('by a filter names what matches', async () => {
    const asked = typing('n\n')
    await cli.attempt('grants', 'revoke', '--account', 'kim')
    // Nothing matches, so that there is nothing to ask.
    expect(asked).not.toHaveBeenCalled()
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
