import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { insertAccount } from '../../src/accounts/account-store.ts'
import { findOperatorToken } from '../../src/accounts/operator-token-store.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { sha256 } from '../../src/base/digest.ts'
import { putGrant } from '../../src/grants/grant-store.ts'
import { insertSpentOnce } from '../../src/grants/token-store.ts'
import { type CommandLine, commandLine } from './commands.ts'

let cli: CommandLine
beforeAll(async () => {
  cli = await commandLine()
  const { db } = cli.context
  await insertAccount(db, { id: 'usr_1', username: 'kim', password_hash: 'x', roles: [] })
  await insertAccount(db, { id: 'usr_2', username: 'lee', password_hash: 'x', roles: [] })
  for (const [id, account_id] of [
    ['grant_1', 'usr_1'],
    ['grant_2', 'usr_1'],
    ['grant_3', 'usr_1'],
    ['grant_4', 'usr_2'],
  ] as const) {
    const row = { id, account_id, client_id: `client of ${id}`, resource: 'https://r.example', scope: 'read' }
    await putGrant(db, { ...row, payload: {}, ttl_seconds: 3_600 })
    await insertSpentOnce(db, 'refresh_tokens', {
      id: sha256(id),
      grant_id: id,
      payload: {},
      ttl_seconds: 3_600,
    })
  }
})
afterAll(() => cli.close())

const tokenOf = (grant_id: string) => sha256(grant_id).toString('base64url')
const listed = async (...words: string[]) =>
  (await cli.json('grants', 'list', ...words)).grants.map(({ id }: { id: string }) => id)

describe('grants', () => {
  it('list and show what people allowed', async () => {
    expect(await listed('--account', 'kim')).toEqual(['grant_3', 'grant_2', 'grant_1'])
    expect(await listed('--account', 'kim', '--scope', 'read', '-n', '1')).toEqual(['grant_3'])
    expect(await cli.json('grants', 'show', 'grant_1')).toMatchObject({
      id: 'grant_1',
      live_refresh_tokens: [{ id: tokenOf('grant_1') }],
    })
  })

  it('list takes a time, or how long ago it was', async () => {
    expect(await listed('--unused-since', '2100-01-01')).toHaveLength(4)
    expect(await cli.attempt('grants', 'list', '--unused-since', '1d')).toEqual({
      lines: [],
      errors: ['toolgate: Nothing matches'],
      code: 1,
    })
  })

  it('revoke one, with the reason in the audit log', async () => {
    const lines = await cli.run('grants', 'revoke', 'grant_1', '--reason', 'lost laptop')
    expect(lines).toEqual([expect.stringContaining('Revoked 1 grant'), 'grant_1'])
    const { events } = await pageEvents(cli.context.db, { type: 'grant.revoked' }, 10)
    expect(events).toMatchObject([
      { actor_kind: 'cli', grant_id: 'grant_1', detail: { reason: 'lost laptop' } },
    ])
  })

  it('revoke what is gone, or never was, is no success', async () => {
    const nothing = ['toolgate: Nothing to revoke: no live grant matches']
    for (const id of ['grant_1', 'gr_nope'])
      expect(await cli.attempt('grants', 'revoke', id)).toEqual({ lines: [], errors: nothing, code: 1 })
    const { lines, errors, code } = await cli.attempt('grants', 'revoke', 'gr_nope', '--json')
    expect([JSON.parse(lines.join('\n')), errors, code]).toEqual([{ revoked: [] }, nothing, 1])
  })

  it('a filter beside an id is honoured', async () => {
    const others = [
      ['grants', 'revoke', '--account', 'kim', '--', 'grant_4'],
      ['grants', 'revoke', '--ids', 'grant_2', '--', 'grant_4'],
      ['refresh-tokens', 'revoke', '--account', 'kim', '--', tokenOf('grant_4')],
      ['refresh-tokens', 'revoke', '--client', 'another', '--', tokenOf('grant_4')],
      ['refresh-tokens', 'revoke', '--grant', 'grant_2', '--', tokenOf('grant_4')],
    ]
    for (const words of others) expect((await cli.attempt(...words)).code, words.join(' ')).toBe(1)
    expect(await listed('--account', 'lee')).toEqual(['grant_4'])
    const both = ['--account', 'lee', '--grant', 'grant_4', '--json', '--', tokenOf('grant_4')]
    expect((await cli.attempt('refresh-tokens', 'revoke', ...both)).code).toBe(0)
    expect(await listed()).toEqual(['grant_3', 'grant_2'])
  })

  it('revoke without saying which is refused, and revokes nothing', async () => {
    for (const what of ['grants', 'refresh-tokens'])
      for (const more of [[], ['--reason', 'all']])
        await expect(cli.run(what, 'revoke', ...more)).rejects.toThrow('Name what to revoke')
    expect(await listed()).toHaveLength(2)
    expect(cli.left_open()).toBe(0)
  })
})

describe('refresh-tokens', () => {
  it('list, and revoke by the id that the list shows', async () => {
    const { refresh_tokens } = await cli.json('refresh-tokens', 'list', '--client', 'client of grant_2')
    const [{ id }] = refresh_tokens
    expect(await cli.json('refresh-tokens', 'list', '--id', id)).toEqual({ refresh_tokens })
    expect(await cli.json('refresh-tokens', 'revoke', id)).toEqual({ revoked: ['grant_2'] })
    await expect(cli.run('refresh-tokens', 'revoke', 'nonsense')).rejects.toThrow('43 base64url')
  })
})

describe('a limit', () => {
  it.each([
    'grants',
    'refresh-tokens',
    'clients',
    'accounts',
    'operator-tokens',
    'resource-servers',
    'tokens',
  ])('of %s list that is none is refused in a sentence that names it', async (what) => {
    for (const limit of ['-5', '0', '501', 'many', '1.5'])
      await expect(cli.run(what, 'list', '--limit', limit)).rejects.toThrow(/^limit: /)
  })
})

describe('operator-tokens', () => {
  it('create shows it once, list shows only its id, revoke ends it', async () => {
    const { id, token } = await cli.json('operator-tokens', 'create', 'laptop', '--days', '2')
    const scope = 'operator:read operator:revoke'
    expect(await findOperatorToken(cli.context.db, sha256(token))).toMatchObject({
      id,
      name: 'laptop',
      scope,
    })
    const lines = (await cli.run('operator-tokens', 'list')).join('\n')
    expect(lines).toContain(id)
    expect(lines).not.toContain(token)
    expect(await cli.run('operator-tokens', 'revoke', id)).toEqual([`Revoked ${id}.`])
    expect(await findOperatorToken(cli.context.db, sha256(token))).toBeUndefined()
    expect(await cli.attempt('operator-tokens', 'revoke', id)).toEqual({
      lines: [],
      errors: [`toolgate: There is no operator token ${id}`],
      code: 1,
    })
  })

  it('has the scopes that it is given, and no others that there are not', async () => {
    const scopes = ['--scope', 'operator:admin', 'operator:read']
    const { token } = await cli.json('operator-tokens', 'create', 'automation', ...scopes)
    expect(await findOperatorToken(cli.context.db, sha256(token))).toMatchObject({
      scope: 'operator:read operator:admin',
    })
    expect((await cli.run('operator-tokens', 'list')).join('\n')).toMatch(
      / operator:read operator:admin +cli:.+@/,
    )
    await expect(cli.run('operator-tokens', 'create', 'x', '--scope', 'notes:read')).rejects.toThrow(
      'Allowed choices are operator:read, operator:revoke, operator:admin',
    )
  })

  it.each(['0', '-1', '400', 'many', '1.5'])('a lifetime of %s days is refused', async (days) => {
    await expect(cli.run('operator-tokens', 'create', 'x', `--days=${days}`)).rejects.toThrow(/^days: /)
  })
})
