import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAccount } from '../../src/accounts/accounts.ts'
import { ACCOUNT_ACTIONS } from '../../src/actions/accounts.ts'
import { type Action, type ActionContext, type Caller, perform } from '../../src/actions/action.ts'
import { builtIn, expandOperatorScopes } from '../../src/api/operator-api/operator-resource.ts'
import { AuditLog } from '../../src/audit/log/audit-log.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { AppError } from '../../src/base/errors.ts'
import { parseCatalogue } from '../../src/catalogue/catalogue-file.ts'
import { applyCatalogue, CatalogueCache } from '../../src/catalogue/catalogue-store.ts'
import { putGrant } from '../../src/grants/grant-store.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { TEST } from '../support/origins.ts'

const ISSUER = 'http://localhost:4000'

let test: TestDatabase
let context: ActionContext
beforeAll(async () => {
  test = await createTestDatabase()
  const db = test.database.knex
  const audit = new AuditLog(test.database.hot)
  context = { db, audit, catalogues: new CatalogueCache(builtIn(ISSUER)), issuer: ISSUER }
  const read = parseCatalogue(readFileSync('catalogue.yaml', 'utf8'))
  if ('faults' in read) throw new Error(read.faults.join())
  await applyCatalogue(db, read.catalogue, 'test')
})
afterAll(async () => {
  await context.audit.close()
  await test.drop()
})

const TOKEN: Caller = {
  actor: { kind: 'operator_token', id: 'opt_1' },
  scopes: expandOperatorScopes(['operator:admin']),
}

/** Performs by name, and holds the answer against what the action says it answers. */
async function act(name: string, input: object, caller: Caller = TOKEN) {
  const action = ACCOUNT_ACTIONS.find((each) => each.name === name) as unknown as Action
  const answer = await perform(action, context, caller, input)
  return action.output.parse(answer) as Record<string, unknown> & { id: string }
}

async function refusal(work: Promise<unknown>): Promise<[string, string]> {
  const error = await work.then(
    () => new Error('it was done'),
    (thrown) => thrown,
  )
  if (!(error instanceof AppError)) throw error
  return [error.code, error.message]
}

const someone = () => `user-${randomBytes(6).toString('hex')}`

async function account(roles: string[] = [], username = someone()) {
  const { id } = await createAccount(context, { username, password: 'correct horse battery', roles }, TEST)
  const caller: Caller = {
    actor: { kind: 'account', id },
    scopes: TOKEN.scopes,
    request_id: 'r',
    ip: '192.0.2.1',
  }
  return { id, username, caller }
}

const changes = async (account_id: string) =>
  (await pageEvents(context.db, { account_id, type: 'account.changed' }, 10)).events.map(
    ({ actor_id, detail }) => [actor_id, detail],
  )

describe('list_accounts', () => {
  const usernames = async (input: object) => {
    const { accounts, next } = await act('list_accounts', input)
    const found = (accounts as { username: string }[]).map(({ username }) => username)
    return { found, next: next as string | undefined }
  }

  it('pages through all that match, each once, by username', async () => {
    const prefix = `${randomBytes(4).toString('hex')}.`
    const made = ['b', 'a', 'c-1', 'c', 'c_1', 'e@x', 'd'].map((name) => prefix + name)
    for (const username of made) await account(['reader'], username)
    await account(['reader'], `${prefix.slice(0, -1)}-other`)
    const seen: string[] = []
    let after: string | undefined
    do {
      const page = await usernames({ username: prefix.toUpperCase(), limit: '2', ...(after && { after }) })
      seen.push(...page.found)
      after = page.next
    } while (after)
    expect(seen).toEqual(made.toSorted())
  })

  it('narrows by role and by state', async () => {
    const prefix = randomBytes(4).toString('hex')
    const [reader, editor] = [`${prefix}-r`, `${prefix}-e`]
    await account(['reader'], reader)
    await act('disable_account', { id: (await account(['editor'], editor)).id })
    expect((await usernames({ username: prefix, role: 'reader' })).found).toEqual([reader])
    expect((await usernames({ username: prefix, disabled: 'true' })).found).toEqual([editor])
    expect((await usernames({ username: prefix, disabled: 'false' })).found).toEqual([reader])
    expect((await usernames({ role: 'nobody has it' })).found).toEqual([])
  })

  it('takes any text to look for', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 80 }), async (text) => {
        const isRefused = (error: unknown) => error instanceof AppError && error.code === 'invalid_input'
        for (const input of [{ username: text }, { role: text }])
          await act('list_accounts', input).catch((error) => expect(isRefused(error)).toBe(true))
      }),
      { numRuns: 30 },
    )
  })
})

describe('show_account', () => {
  it('counts live grants, and of very many only that there are more', async () => {
    const { id, username } = await account(['reader'])
    const row = { account_id: id, client_id: 'c', resource: 'r', scope: 's', payload: {}, ttl_seconds: 600 }
    await putGrant(context.db, { ...row, id: `gr_${id}` })
    await putGrant(context.db, { ...row, id: `over_${id}`, ttl_seconds: -1 })
    expect(await act('show_account', { id: username.toUpperCase() })).toMatchObject({
      id,
      live_grants: 1,
      more_grants: false,
      page_sessions: [],
      browser_sign_ins: [],
      last_signed_in_at: null,
    })
    await context.db.raw(
      `insert into grants (id, account_id, client_id, resource, scope, payload, expires_at)
       select ? || n, ?, 'c', 'r', 's', '{}', now() + interval '1 day' from generate_series(1, 1000) n`,
      [`many_${id}_`, id],
    )
    expect(await act('show_account', { id })).toMatchObject({ live_grants: 1_000, more_grants: true })
  })

  it('of nobody is not found', async () => {
    expect(await refusal(act('show_account', { id: 'nobody' }))).toEqual([
      'not_found',
      'There is no account nobody',
    ])
  })
})

describe('create_account', () => {
  it('makes a password when none is given, and keeps it out of the audit log', async () => {
    const { id, password } = await act('create_account', {
      username: someone(),
      roles: ['reader', 'auditor'],
    })
    expect(password).toMatch(/^[\w-]{20}$/)
    const { events } = await pageEvents(context.db, { account_id: id }, 10)
    expect(events).toMatchObject([
      { type: 'account.created', actor_kind: 'operator_token', actor_id: 'opt_1' },
    ])
    expect(JSON.stringify(events)).not.toContain(password)
  })

  it('takes a password, and does not repeat it', async () => {
    const made = await act('create_account', { username: someone(), password: 'correct horse battery' })
    expect(made).not.toHaveProperty('password')
  })

  it('refuses what is no role, naming those that are', async () => {
    expect(await refusal(act('create_account', { username: someone(), roles: ['king'] }))).toEqual([
      'invalid_input',
      'There is no role "king"; there are: auditor, editor, operator, reader',
    ])
  })
})

describe('changes', () => {
  it('are recorded with who did them and why; what is so already is no change', async () => {
    const { id } = await account(['reader'])
    const reason = 'left the company'
    expect(await act('disable_account', { id, reason })).toMatchObject({ id, disabled_at: expect.any(Date) })
    await act('disable_account', { id })
    expect(await act('enable_account', { id })).toMatchObject({ disabled_at: null })
    expect(await act('set_account_roles', { id, roles: ['editor', 'reader'] })).toMatchObject({
      roles: ['editor', 'reader'],
    })
    await act('set_account_roles', { id, roles: ['reader', 'editor'] })
    const none = { ended_page_sessions: 0, ended_browser_sign_ins: 0 }
    expect((await changes(id)).reverse()).toEqual([
      ['opt_1', { disabled: true, reason, ...none }],
      ['opt_1', { disabled: false }],
      ['opt_1', { roles: ['editor', 'reader'] }],
    ])
  })

  it('of roles are refused when one is unknown', async () => {
    const { id } = await account(['reader'])
    expect((await refusal(act('set_account_roles', { id, roles: ['reader', 'x'] })))[1]).toContain(
      'there are:',
    )
    expect(await act('show_account', { id })).toMatchObject({ roles: ['reader'] })
  })

  it('a password that was reset is shown once, when it was made here', async () => {
    const { id, username } = await account()
    expect(await act('reset_account_password', { id })).toEqual({
      id,
      username,
      password: expect.any(String),
    })
    expect(await act('reset_account_password', { id, password: 'chosen by somebody' })).toEqual({
      id,
      username,
    })
    expect((await refusal(act('reset_account_password', { id, password: 'short' })))[0]).toBe('invalid_input')
  })

  it('signing out says how many sessions ended', async () => {
    const { id } = await account()
    await context.db('page_sessions').insert({
      id: randomBytes(32),
      account_id: id,
      expires_at: context.db.raw("now() + interval '1 hour'"),
    })
    const ended = { ended_page_sessions: 1, ended_browser_sign_ins: 0 }
    expect(await act('sign_out_account', { id, reason: 'lost laptop' })).toEqual(ended)
    const { events } = await pageEvents(context.db, { account_id: id, type: 'session.ended' }, 10)
    expect(events).toMatchObject([
      { actor_kind: 'operator_token', actor_id: 'opt_1', detail: { ...ended, reason: 'lost laptop' } },
    ])
  })

  it.each(ACCOUNT_ACTIONS.map(({ name, scope }) => [name, scope] as const))(
    '%s needs %s',
    async (name, scope) => {
      const less = {
        'operator:read': [],
        'operator:revoke': ['operator:read'],
        'operator:admin': ['operator:revoke'],
      }
      const caller = { actor: TEST.actor, scopes: expandOperatorScopes(less[scope]) }
      expect((await refusal(act(name, { id: 'x' }, caller)))[0]).toBe('forbidden')
    },
  )
})

describe('operators', () => {
  const onlyThese = (...ids: string[]) =>
    context
      .db('accounts')
      .whereNotIn('id', ids)
      .update({ roles: context.db.raw("array_remove(roles, 'operator')") })

  it('cannot disable themselves', async () => {
    const { id, username, caller } = await account(['operator'])
    for (const name of [id, username])
      expect((await refusal(act('disable_account', { id: name }, caller)))[1]).toContain('your own account')
  })

  it('cannot take the role from the last of them, and can when there is another', async () => {
    const [one, other] = [await account(['operator']), await account(['operator', 'reader'])]
    await onlyThese(one.id, other.id)
    await act('set_account_roles', { id: other.id, roles: ['reader'] }, one.caller)
    expect((await refusal(act('set_account_roles', { id: one.id, roles: [] }, one.caller)))[0]).toBe(
      'conflict',
    )
    expect(await act('show_account', { id: one.id })).toMatchObject({ roles: ['operator'] })
  })

  it.each([
    ['take the role from each other', 'set_account_roles', { roles: [] }],
    ['disable each other', 'disable_account', {}],
  ])('of two who %s at the same moment one remains', async (_, action, input) => {
    const [one, other] = [await account(['operator']), await account(['operator'])]
    await onlyThese(one.id, other.id)
    const outcomes = await Promise.allSettled([
      act(action, { id: other.id, ...input }, one.caller),
      act(action, { id: one.id, ...input }, other.caller),
    ])
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  it('a disabled one does not count as another', async () => {
    const [one, other] = [await account(['operator']), await account(['operator'])]
    await onlyThese(one.id, other.id)
    await act('disable_account', { id: other.id }, one.caller)
    expect((await refusal(act('set_account_roles', { id: one.id, roles: [] }, one.caller)))[0]).toBe(
      'conflict',
    )
  })

  it('a token or the command line may do it: they can give the role again', async () => {
    const { id } = await account(['operator'])
    await onlyThese(id)
    expect(await act('set_account_roles', { id, roles: [] })).toMatchObject({ roles: [] })
  })
})
