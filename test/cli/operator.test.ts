import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { insertAccount } from '../../src/accounts/account-store.ts'
import { findOperatorToken } from '../../src/accounts/operator-token-store.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { sha256 } from '../../src/base/digest.ts'
import { registerOperatorCommands } from '../../src/cli/operator.ts'
import { putGrant } from '../../src/grants/grant-store.ts'
import { insertSpentOnce } from '../../src/grants/token-store.ts'
import { type CommandLine, commandLine } from './commands.ts'

let cli: CommandLine
beforeAll(async () => {
  cli = await commandLine(registerOperatorCommands)
  const { db } = cli.context
  await insertAccount(db, { id: 'usr_1', username: 'kim', password_hash: 'x', roles: [] })
  for (const id of ['grant_1', 'grant_2', 'grant_3']) {
    const row = {
      id,
      account_id: 'usr_1',
      client_id: `client of ${id}`,
      resource: 'https://r.example',
      scope: 'read',
    }
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

const json = async (...words: string[]) => JSON.parse((await cli.run(...words, '--json')).join('\n'))

describe('grants', () => {
  it('list and show what people allowed', async () => {
    expect((await json('grants', 'list', '--account', 'kim')).map(({ id }: { id: string }) => id)).toEqual([
      'grant_3',
      'grant_2',
      'grant_1',
    ])
    expect(await json('grants', 'list', '-n', '1')).toHaveLength(1)
    expect(await json('grants', 'show', 'grant_1')).toMatchObject({
      id: 'grant_1',
      live_refresh_tokens: [{ id: sha256('grant_1').toString('base64url') }],
    })
    expect((await cli.run('grants', 'list', '--client', 'nobody')).join('')).toBe('None.')
  })

  it('revoke one, with the reason in the audit log', async () => {
    const lines = await cli.run('grants', 'revoke', 'grant_1', '--reason', 'lost laptop')
    expect(lines).toEqual([expect.stringContaining('Revoked 1 grant(s)'), 'grant_1'])
    const { events } = await pageEvents(cli.context.db, { type: 'grant.revoked' }, 10)
    expect(events).toMatchObject([{ actor: 'cli', grant_id: 'grant_1', detail: { reason: 'lost laptop' } }])
    expect(await cli.run('grants', 'revoke', 'grant_1')).toEqual([
      expect.stringContaining('Nothing to revoke'),
    ])
  })

  it('revoke without saying which is refused, and revokes nothing', async () => {
    for (const what of ['grants', 'refresh-tokens'])
      await expect(cli.run(what, 'revoke')).rejects.toThrow('Name what to revoke')
    expect(await json('grants', 'list')).toHaveLength(2)
    expect(cli.left_open()).toBe(0)
  })
})

describe('refresh-tokens', () => {
  it('list, and revoke by the id that the list shows', async () => {
    const [token] = await json('refresh-tokens', 'list', '--client', 'client of grant_2')
    expect(await json('refresh-tokens', 'revoke', token.id)).toEqual({ revoked: ['grant_2'] })
    await expect(cli.run('refresh-tokens', 'revoke', 'nonsense')).rejects.toThrow('43 base64url')
  })
})

describe('operator-tokens', () => {
  it('create shows it once, list shows only its id, revoke ends it', async () => {
    const { id, token } = await json('operator-tokens', 'create', 'laptop', '--days', '2')
    const scope = 'operator:read operator:revoke'
    expect(await findOperatorToken(cli.context.db, sha256(token))).toMatchObject({
      id,
      name: 'laptop',
      scope,
    })
    const listed = (await cli.run('operator-tokens', 'list')).join('\n')
    expect(listed).toContain(id)
    expect(listed).not.toContain(token)
    expect(await cli.run('operator-tokens', 'revoke', id)).toEqual([`Revoked ${id}.`])
    expect(await findOperatorToken(cli.context.db, sha256(token))).toBeUndefined()
    expect(await cli.run('operator-tokens', 'revoke', id)).toEqual([`There is no operator token ${id}.`])
  })

  it('has the scopes that it is given, and no others that there are not', async () => {
    const scopes = ['--scope', 'operator:admin', 'operator:read']
    const { token } = await json('operator-tokens', 'create', 'automation', ...scopes)
    expect(await findOperatorToken(cli.context.db, sha256(token))).toMatchObject({
      scope: 'operator:read operator:admin',
    })
    expect((await cli.run('operator-tokens', 'list')).join('\n')).toMatch(
      / operator:read operator:admin +cli /,
    )
    await expect(cli.run('operator-tokens', 'create', 'x', '--scope', 'notes:read')).rejects.toThrow(
      'one or more of operator:read, operator:revoke, operator:admin',
    )
  })

  it.each(['0', '-1', '400', 'many', '1.5'])('a lifetime of %s days is refused', async (days) => {
    await expect(cli.run('operator-tokens', 'create', 'x', `--days=${days}`)).rejects.toThrow(
      'lives 1 to 365 days',
    )
  })
})
