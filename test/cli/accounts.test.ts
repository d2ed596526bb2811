import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { parseCatalogue } from '../../src/catalogue/catalogue-file.ts'
import { applyCatalogue } from '../../src/catalogue/catalogue-store.ts'
import { registerAccountCommands } from '../../src/cli/accounts.ts'
import { signIn } from '../../src/sign-in/sign-in.ts'
import { type CommandLine, commandLine } from './commands.ts'

let cli: CommandLine
beforeAll(async () => {
  cli = await commandLine(registerAccountCommands)
  const read = parseCatalogue(readFileSync('catalogue.yaml', 'utf8'))
  if ('faults' in read) throw new Error(read.faults.join())
  await applyCatalogue(cli.context.db, read.catalogue, 'test')
})
afterAll(() => cli.close())

const accounts = (...words: string[]) => cli.run('accounts', ...words)
const enter = (username: string, password: string) =>
  signIn(cli.context, { username, password, ip: undefined, request_id: 'request-1' })

describe('accounts', () => {
  it('create makes a password that opens, shown once, and records the account without it', async () => {
    const [made = ''] = [(await accounts('create', 'kim', '--role', 'editor', 'reader', '--json')).join('\n')]
    const { username, password } = JSON.parse(made) as { username: string; password: string }
    expect(await enter(username, password)).toMatchObject({ roles: ['editor', 'reader'] })
    const { events } = await pageEvents(cli.context.db, { type: 'account.created' }, 10)
    expect(events).toMatchObject([{ actor_kind: 'cli', actor_id: 'test@machine' }])
    expect(JSON.stringify(events)).not.toContain(password)
  })

  it('set-password replaces it', async () => {
    const lines = await accounts('set-password', 'kim')
    const password = /^Password: (\S+)$/m.exec(lines.join('\n'))?.[1] ?? ''
    await expect(enter('kim', password)).resolves.toMatchObject({ username: 'kim' })
  })

  it('roles replaces the roles, also by none', async () => {
    expect(await accounts('roles', 'kim', 'reader')).toEqual([
      'kim: reader; it counts from the next request on.',
    ])
    expect(await accounts('roles', 'kim')).toEqual(['kim: no roles; it counts from the next request on.'])
    expect(JSON.parse((await accounts('list', '--json')).join(''))).toMatchObject([
      { username: 'kim', roles: [] },
    ])
  })

  it('disable and enable say so, and list shows it', async () => {
    expect(await accounts('disable', 'kim')).toEqual(['kim: disabled; it counts from the next request on.'])
    expect((await accounts('list')).join('\n')).toMatch(/kim .*\d{4}-\d\d-\d\d .*\d{4}-\d\d-\d\d/)
    expect(await accounts('enable', 'kim')).toEqual(['kim: enabled; it counts from the next request on.'])
  })

  it('list narrows by the start of the username, by role and by state', async () => {
    await accounts('create', 'kit', '--role', 'operator')
    await accounts('disable', 'kit')
    const listed = async (...words: string[]) =>
      JSON.parse((await accounts('list', '--json', ...words)).join('')).map(
        ({ username }: { username: string }) => username,
      )
    expect(await listed('--username', 'KI')).toEqual(['kim', 'kit'])
    expect(await listed('--role', 'operator')).toEqual(['kit'])
    expect(await listed('--disabled')).toEqual(['kit'])
    expect(await listed('--username', 'kit%')).toEqual([])
  })

  it('a list never shows a password hash', async () => {
    expect((await accounts('list', '--json')).join('')).not.toContain('scrypt')
  })

  it.each<[string, string[], string]>([
    ['a username that is taken', ['create', 'KIM'], 'is taken'],
    ['a username that is none', ['create', 'a b'], 'A username has'],
    ['an account that is not there', ['disable', 'nobody'], 'There is no account nobody'],
    ['a role that is not there', ['roles', 'kim', 'king'], 'there are: auditor, editor, operator, reader'],
    ['an unknown role at the start', ['create', 'lou', '--role', 'king'], 'There is no role "king"'],
    ['a missing argument', ['create'], 'missing required argument'],
    ['an unknown option', ['list', '--all'], 'unknown option'],
    ['a password on the command line', ['create', 'lee', '--password', 'x'], 'unknown option'],
  ])('%s is refused in words', async (_, words, message) => {
    await expect(accounts(...words)).rejects.toThrow(message)
    expect(cli.left_open()).toBe(0)
  })
})
