import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { parseCatalogue } from '../../src/catalogue/catalogue-file.ts'
import { applyCatalogue } from '../../src/catalogue/catalogue-store.ts'
import { signIn } from '../../src/sign-in/sign-in.ts'
import { type CommandLine, commandLine } from './commands.ts'

let cli: CommandLine
beforeAll(async () => {
  cli = await commandLine()
  const read = parseCatalogue(readFileSync('catalogue.yaml', 'utf8'))
  if ('faults' in read) throw new Error(read.faults.join())
  await applyCatalogue(cli.context.db, read.catalogue, 'test')
})
afterAll(() => cli.close())

const accounts = (...words: string[]) => cli.run('accounts', ...words)
const enter = (username: string, password: string) =>
  signIn(
    { ...cli.context, form_key: 'of this test' },
    { username, password, ip: undefined, request_id: 'request-1' },
  )

describe('accounts', () => {
  it('create makes a password that opens, shown once, and records the account without it', async () => {
    const { username, password } = await cli.json('accounts', 'create', 'kim', '--role', 'editor', 'reader')
    expect(await enter(username, password)).toMatchObject({ roles: ['editor', 'reader'] })
    const { events } = await pageEvents(cli.context.db, { type: 'account.created' }, 10)
    expect(events).toMatchObject([{ actor_kind: 'cli', actor_id: expect.stringMatching(/^.+@.+$/) }])
    expect(JSON.stringify(events)).not.toContain(password)
  })

  it('set-password replaces it', async () => {
    const lines = await accounts('set-password', 'kim')
    const password = /^Password: (\S+)$/m.exec(lines.join('\n'))?.[1] ?? ''
    await expect(enter('kim', password)).resolves.toMatchObject({ username: 'kim' })
  })

  it('roles replaces the roles, also by none', async () => {
    expect(await accounts('roles', 'kim', 'reader')).toEqual([
      'kim: reader. This takes effect on the next request.',
    ])
    expect(await accounts('roles', 'kim')).toEqual(['kim: no roles. This takes effect on the next request.'])
    expect(await cli.json('accounts', 'list')).toMatchObject({ accounts: [{ username: 'kim', roles: [] }] })
  })

  it('disable and enable say so, and list shows it', async () => {
    expect(await accounts('disable', 'kim', '--reason', 'left')).toEqual([
      'kim is disabled. This takes effect on the next request.',
    ])
    expect((await accounts('list')).join('\n')).toMatch(/kim .*\d{4}-\d\d-\d\d .*\d{4}-\d\d-\d\d/)
    expect(await accounts('enable', 'kim')).toEqual([
      'kim is enabled. This takes effect on the next request.',
    ])
    const { events } = await pageEvents(cli.context.db, { type: 'account.changed' }, 2)
    expect(events[1]?.detail).toMatchObject({ disabled: true, reason: 'left' })
  })

  it('list narrows by the start of the username, by role and by state', async () => {
    await accounts('create', 'kit', '--role', 'operator')
    await accounts('disable', 'kit')
    const listed = async (...words: string[]) =>
      (await cli.json('accounts', 'list', ...words)).accounts.map(
        ({ username }: { username: string }) => username,
      )
    expect(await listed('--username', 'KI')).toEqual(['kim', 'kit'])
    expect(await listed('--role', 'operator')).toEqual(['kit'])
    expect(await listed('--disabled')).toEqual(['kit'])
    expect(await listed('--disabled', 'false')).toEqual(['kim'])
    expect(await listed('--username', 'kit%')).toEqual([])
  })

  it('list says that there is more, and how to get it', async () => {
    const { lines, errors, code } = await cli.attempt('accounts', 'list', '--limit', '1')
    expect([lines.length, code]).toEqual([2, 0])
    const [, after = ''] = /^There is more: --after (\S+)$/.exec(errors.join('\n')) ?? []
    const rest = await cli.json('accounts', 'list', '--limit', '1', '--after', after)
    expect(rest).toMatchObject({ accounts: [{ username: 'kit' }] })
    expect(rest).not.toHaveProperty('next')
  })

  it('a list never shows a password hash', async () => {
    expect(JSON.stringify(await cli.json('accounts', 'list'))).not.toContain('scrypt')
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
