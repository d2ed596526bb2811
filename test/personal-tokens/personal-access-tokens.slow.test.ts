import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tellStory } from '../../src/audit/story/story.ts'
import { subjectOf } from '../../src/audit/story/story-subject.ts'
import { storyLines } from '../../src/audit/story/story-text.ts'
import type { AuditFields } from '../../src/audit-chain/event-fields.ts'
import { sha256 } from '../../src/base/digest.ts'
import { CatalogueCache } from '../../src/catalogue/catalogue-store.ts'
import { revokeGrants } from '../../src/grants/grants.ts'
import {
  createPersonalToken,
  LIVE_TOKENS_MAX,
  noticeExpiring,
  type PersonalTokenDependencies,
  type Rotation,
  revokePersonalToken,
  rotatePersonalToken,
  type TokenRequest,
} from '../../src/personal-tokens/personal-access-tokens.ts'
import { pageOfPersonalTokens, showPersonalToken } from '../../src/personal-tokens/personal-token-views.ts'
import { UserAgents } from '../../src/personal-tokens/user-agents.ts'
import { RESOURCE, Toolgate } from '../support/toolgate.ts'

let toolgate: Toolgate
let dependencies: PersonalTokenDependencies
let rs: { client_id: string; client_secret: string }
const BY = { actor: { kind: 'operator_token', id: 'test' }, request_id: 'request-1' } as const

beforeAll(async () => {
  toolgate = await Toolgate.start()
  dependencies = { ...toolgate.dependencies, catalogues: new CatalogueCache() }
  rs = await toolgate.resourceServer()
})
afterAll(() => toolgate.close())

const knex = () => toolgate.db.database.knex
const create = (account: string, change: Partial<TokenRequest> = {}) =>
  createPersonalToken(
    dependencies,
    { account, resource: RESOURCE, role: 'read-only', scopes: [], name: 'CI', days: 90, ...change },
    BY,
  )
const rotate = (id: string, change: Partial<Rotation> = {}) =>
  rotatePersonalToken(dependencies, { id }, { overlap_hours: 24, ...change }, BY)
const isActive = async (token: string) => (await toolgate.introspect(rs, token)).active
const events = (grant_id: string): Promise<AuditFields[]> =>
  knex()('audit_events').where({ grant_id }).whereLike('type', 'personal_token.%').orderBy('seq')
const hoursLeft = async (token: string): Promise<number> => {
  const hours = knex().raw('extract(epoch from expires_at - now()) / 3600 as hours')
  return Math.round(
    Number(
      (
        await knex()('access_tokens')
          .where({ id: sha256(token) })
          .first(hours)
      ).hours,
    ),
  )
}
const age = (grant_id: string, days: number) =>
  knex().raw(
    `with g as (update grants set expires_at = expires_at - make_interval(days => :days) where id = :grant_id)
     update access_tokens set expires_at = expires_at - make_interval(days => :days),
       issued_at = issued_at - make_interval(days => :days) where grant_id = :grant_id`,
    { days, grant_id },
  )

describe('a new token', () => {
  it('is introspected like any other, and named by no more than its hash in the log', async () => {
    const { username, id: account_id } = await toolgate.account()
    const { id, token } = await create(username, { role: 'write', name: ' CI ' })
    const answer = await toolgate.introspect(rs, token, { mcp_method: 'tools/call', mcp_name: 'create_note' })
    expect(answer).toMatchObject({
      active: true,
      sub: account_id,
      username,
      client_id: 'personal-access-token',
      scope: 'notes:read notes:write',
      aud: RESOURCE,
      jti: sha256(token).toString('base64url'),
      mcp: { allowed: true },
    })
    expect(Number(answer.exp) - Number(answer.iat)).toBe(90 * 86_400)
    expect(await events(id)).toMatchObject([
      {
        type: 'personal_token.created',
        actor_kind: 'operator_token',
        actor_id: 'test',
        account_id,
        resource: RESOURCE,
        scope: 'notes:read notes:write',
        token_id: sha256(token).toString('base64url'),
        request_id: 'request-1',
        detail: { name: 'CI', role: 'write', days: 90 },
      },
    ])
  })

  it.each([
    [{ days: 0 }, 'lives 1 to 365 days'],
    [{ days: 366 }, 'lives 1 to 365 days'],
    [{ name: ' ' }, '1 to 64 characters'],
    [{ name: 'x'.repeat(65) }, '1 to 64 characters'],
    [{ name: 'a\u0000b' }, '1 to 64 characters'],
    [{ resource: 'http://elsewhere.example/mcp' }, 'no such resource'],
    [{ role: 'custom' as const, scopes: ['notes:delete'] }, 'may not hold notes:delete'],
  ])('is refused: %o', async (change, message) => {
    const { username } = await toolgate.account(['reader'])
    await expect(create(username, change)).rejects.toThrow(message)
  })

  it('is refused for nobody, and for an account that is disabled', async () => {
    await expect(create('nobody-of-this-name')).rejects.toMatchObject({ code: 'not_found' })
    const { username, id } = await toolgate.account()
    await knex()('accounts').where({ id }).update({ disabled_at: knex().fn.now() })
    await expect(create(username)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('is the last that fits, whoever asks at the same time', async () => {
    const { id: account } = await toolgate.account()
    for (let n = 0; n < LIVE_TOKENS_MAX - 1; n++) await create(account)
    const asked = await Promise.allSettled(Array.from({ length: 5 }, () => create(account)))
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const { rows } = await knex().raw('select count(*)::int from grants where account_id = ?', [account])
    expect(rows[0].count).toBe(LIVE_TOKENS_MAX)
  })
})

describe('rotation', () => {
  it('lets the old value live for the overlap, and ends the one before that', async () => {
    const { id: account } = await toolgate.account()
    const first = await create(account, { days: 30 })
    const second = await rotate(first.id)
    expect(second.id).toBe(first.id)
    expect([await hoursLeft(first.token), await hoursLeft(second.token)]).toEqual([24, 30 * 24])
    const third = await rotate(first.id, { overlap_hours: 168, days: 60 })
    const alive = [await isActive(first.token), await isActive(second.token), await isActive(third.token)]
    expect(alive).toEqual([false, true, true])
    expect([await hoursLeft(second.token), await hoursLeft(third.token)]).toEqual([168, 60 * 24])
    expect((await events(first.id)).map(({ type }) => type)).toEqual([
      'personal_token.created',
      'personal_token.rotated',
      'personal_token.rotated',
    ])
  })

  it('lengthens no value, and leaves none alive beyond the newest', async () => {
    const { id: account } = await toolgate.account()
    const first = await create(account, { days: 1 })
    const second = await rotate(first.id, { overlap_hours: 168, days: 365 })
    expect(await hoursLeft(first.token)).toBe(24)
    await rotate(first.id, { overlap_hours: 168, days: 2 })
    expect(await hoursLeft(second.token)).toBe(48)
  })

  it('ends the old value at once without an overlap', async () => {
    const first = await create((await toolgate.account()).id)
    const second = await rotate(first.id, { overlap_hours: 0 })
    expect([await isActive(first.token), await isActive(second.token)]).toEqual([false, true])
  })

  it('of one value happens once, however often it is asked', async () => {
    const first = await create((await toolgate.account()).id)
    const value_id = sha256(first.token).toString('base64url')
    const asked = await Promise.allSettled(Array.from({ length: 4 }, () => rotate(first.id, { value_id })))
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const refused = asked.find(({ status }) => status === 'rejected')
    expect(refused).toMatchObject({ reason: { code: 'conflict' } })
    const { values } = await showPersonalToken(dependencies, { id: first.id })
    expect(values.map(({ newest }) => newest)).toEqual([true, false])
  })

  it('keeps two values at most when several ask at once, of which the newest is alive', async () => {
    const first = await create((await toolgate.account()).id)
    await Promise.all(Array.from({ length: 4 }, () => rotate(first.id)))
    expect(await showPersonalToken(dependencies, { id: first.id })).toMatchObject({ values_alive: 2 })
  })

  it('is refused for what is not live, for another account and for a wrong overlap', async () => {
    const { id } = await create((await toolgate.account()).id, { days: 1 })
    const other = { id, account_id: (await toolgate.account()).id }
    await expect(rotatePersonalToken(dependencies, other, { overlap_hours: 1 }, BY)).rejects.toMatchObject({
      code: 'not_found',
    })
    for (const overlap_hours of [-1, 169, 0.5])
      await expect(rotate(id, { overlap_hours })).rejects.toMatchObject({ code: 'invalid_input' })
    await age(id, 1)
    await expect(rotate(id)).rejects.toMatchObject({ code: 'not_found' })
  })
})

describe('revocation', () => {
  it('ends all values at once, and does nothing the second time', async () => {
    const first = await create((await toolgate.account()).id)
    const second = await rotate(first.id)
    const named = { id: first.id }
    const change = { ...BY, reason: 'leaked' }
    expect(await revokePersonalToken(dependencies, named, change)).toEqual({ revoked: [first.id] })
    expect([await isActive(first.token), await isActive(second.token)]).toEqual([false, false])
    expect(await revokePersonalToken(dependencies, named, change)).toEqual({ revoked: [] })
    expect((await events(first.id)).at(-1)).toMatchObject({
      type: 'personal_token.revoked',
      detail: { reason: 'leaked', name: 'CI' },
    })
  })

  it('touches no token of another account, and no grant that is none', async () => {
    const { id, token } = await create((await toolgate.account()).id)
    const account_id = (await toolgate.account()).id
    expect(await revokePersonalToken(dependencies, { id, account_id }, BY)).toEqual({ revoked: [] })
    expect(await isActive(token)).toBe(true)
  })

  it('of its grant ends it too', async () => {
    const { id, token } = await create((await toolgate.account()).id)
    await revokeGrants(dependencies, { id }, BY)
    expect(await isActive(token)).toBe(false)
    await expect(showPersonalToken(dependencies, { id })).rejects.toMatchObject({ code: 'not_found' })
  })
})

it('its story is told in words, by the token itself too', async () => {
  const { id: account, username } = await toolgate.account()
  const first = await create(account, { name: 'Nightly' })
  await toolgate.introspect(rs, first.token, { mcp_method: 'tools/call', mcp_name: 'search_notes' })
  await rotate(first.id)
  await revokePersonalToken(dependencies, { id: first.id }, { ...BY, reason: 'leaked' })
  const { db } = dependencies
  for (const named of [first.id, first.token]) {
    const lines: string[] = []
    const told = tellStory({ db, catalogues: dependencies.catalogues }, await subjectOf(db, named))
    for await (const entry of told) lines.push(...storyLines(entry, new Map()))
    expect(lines.join('\n')).toMatch(
      new RegExp(
        `“Nightly” made for ${username} by operator_token:test[^]*which opens get_note, search_notes[^]*1 call of search_notes` +
          '[^]*was replaced by operator_token:test[^]*REVOKED by operator_token:test \\(leaked\\): personal access token “Nightly”',
      ),
    )
    expect(lines.join()).not.toContain(first.token)
  }
})

describe('lists', () => {
  it('page through all, newest first, each once', async () => {
    const { id: account } = await toolgate.account()
    const made: string[] = []
    for (let n = 0; n < 7; n++) made.unshift((await create(account, { name: `token ${n}` })).id)
    const seen: string[] = []
    let after: string | undefined
    do {
      const page = await pageOfPersonalTokens(dependencies, { account }, { limit: 3, after })
      seen.push(...page.personal_tokens.map(({ id }) => id))
      after = page.next
    } while (after !== undefined)
    expect(seen).toEqual(made)
  })

  it('are narrowed to an account by name or id, a resource, and what expires soon', async () => {
    const { id: account_id, username } = await toolgate.account()
    const { id } = await create(username, { days: 5 })
    await create(username, { days: 50 })
    const list = async (filter: object) =>
      (await pageOfPersonalTokens(dependencies, filter, { limit: 9 })).personal_tokens
    expect(await list({ account: username })).toHaveLength(2)
    expect(await list({ account_id, resource: 'http://elsewhere.example' })).toEqual([])
    expect(await list({ account: account_id, expiring_days: 10 })).toMatchObject([
      { id, expiring: true, values_alive: 1, last_used_at: null, could_use_oauth: null },
    ])
  })

  it('say which tools a token opens now', async () => {
    const { id: account } = await toolgate.account()
    const { id } = await create(account, { role: 'write' })
    expect((await showPersonalToken(dependencies, { id })).tools).toContain('create_note')
    await knex()('accounts')
      .where({ id: account })
      .update({ roles: ['reader'] })
    expect((await showPersonalToken(dependencies, { id })).tools).toEqual(['get_note', 'search_notes'])
  })
})

describe('the notice before expiry', () => {
  it('is recorded once for each token, whichever instance looks, and again after a rotation', async () => {
    await knex()('grants').where({ client_id: 'personal-access-token' }).delete()
    const { id: account } = await toolgate.account()
    const { id } = await create(account, { days: 30 })
    expect(await noticeExpiring(dependencies)).toBe(0)
    await age(id, 24)
    const recorded = await Promise.all([noticeExpiring(dependencies), noticeExpiring(dependencies)])
    expect(recorded.toSorted()).toEqual([0, 1])
    expect((await events(id)).at(-1)).toMatchObject({ type: 'personal_token.expiring', actor_kind: 'server' })
    await rotate(id, { days: 5 })
    expect([await noticeExpiring(dependencies), await noticeExpiring(dependencies)]).toEqual([1, 0])
  })
})

describe('what uses a token', () => {
  it('is remembered off the path of the calls, and hints at OAuth', async () => {
    const { id, token } = await create((await toolgate.account()).id)
    const used = async () => (await showPersonalToken(dependencies, { id })).could_use_oauth
    const ask = (mcp_user_agent: string) => toolgate.introspect(rs, token, { mcp_user_agent })
    await ask('Cursor/1.7.44 (darwin arm64)')
    expect(await used()).toBeNull()
    await toolgate.app.user_agents.flush()
    expect(await used()).toEqual({ client: 'Cursor' })
    await ask(`curl\u202e/8 ${'x'.repeat(2_000)}`)
    await toolgate.app.user_agents.flush()
    expect(await used()).toBeNull()
    const row = await knex()('personal_access_tokens').where({ grant_id: id }).first()
    expect(row.used_by).toMatch(/^curl\/8 x{200,250}$/)
  })

  it('is not remembered of other tokens, nor of one that is gone', async () => {
    const { person } = await toolgate.account()
    const { client_id } = await toolgate.register()
    const { access_token } = await toolgate.tokens(person(), client_id)
    const noted: string[] = []
    toolgate.app.user_agents.note = (grant_id) => void noted.push(grant_id)
    await toolgate.introspect(rs, access_token, { mcp_user_agent: 'Cursor/1' })
    const { token, id } = await create((await toolgate.account()).id)
    await revokePersonalToken(dependencies, { id }, BY)
    await toolgate.introspect(rs, token, { mcp_user_agent: 'Cursor/1' })
    expect(noted).toEqual([])
    const gone = new UserAgents(knex())
    gone.note(id, 'Cursor/1')
    await gone.flush()
  })
})
