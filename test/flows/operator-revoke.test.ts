import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sha256 } from '../../src/base/digest.ts'
import { NEEDS_PERSON } from '../support/client-memory.ts'
import { grantOf, NOTHING, remains } from '../support/families.ts'
import { Toolgate } from '../support/toolgate.ts'
import {
  audited,
  CALENDAR,
  connectThrough,
  letDecide,
  REAL_CLIENTS,
  startWithNotes,
  type WithNotes,
} from '../support/with-notes.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

let stage: WithNotes
let beside: Toolgate
let operator: { id: string; token: string }
let client_id: string
let data_dir: string

beforeAll(async () => {
  stage = await startWithNotes()
  beside = await Toolgate.start({ beside: stage.toolgate })
  operator = await stage.toolgate.operatorToken()
  client_id = (await stage.toolgate.register()).client_id
  data_dir = await mkdtemp(join(tmpdir(), 'toolgate-cli-'))
})
afterAll(async () => {
  await beside.close()
  await stage.close()
  await rm(data_dir, { recursive: true, force: true })
})

type Grant = { id: string; username: string; client_id: string; resource: string; scope: string }
type RefreshToken = { id: string; grant_id: string; username: string }
type Answer = { grants: Grant[]; refresh_tokens: RefreshToken[]; revoked: string[] }

/** What operators do, in either of the two ways. */
type Operate = {
  grants(account: string): Promise<Grant[]>
  tokens(account: string): Promise<RefreshToken[]>
  revoke(by: Record<string, string>): Promise<string[]>
  revokeGrant(id: string): Promise<string[]>
  revokeToken(id: string): Promise<string[]>
}

async function api(method: 'GET' | 'POST', path: string, body?: object, token = operator.token) {
  const response = await stage.toolgate.fetch(`/operator/api/v1${path}`, {
    method,
    headers: {
      ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer }
}

/** Runs the command line as an operator does, in a process of its own. It ends with 1 where nothing was found. */
async function cli(...args: string[]) {
  const ended = promisify(execFile)(process.execPath, [MAIN, ...args, '--json'], {
    env: {
      PATH: process.env.PATH,
      TOOLGATE_DATABASE_URL: stage.toolgate.db.url,
      TOOLGATE_ISSUER: stage.toolgate.issuer,
      TOOLGATE_DATA_DIR: data_dir,
    },
  })
  const { stdout } = await ended.catch((error: { stdout: string }) => error)
  return JSON.parse(stdout)
}

/** An account with one family of tokens, whose introspection the second instance has just answered. */
async function connected(resource = stage.resource, roles = ['editor', 'planner']) {
  const account = await stage.toolgate.account(roles)
  const tokens = await stage.toolgate.tokens(account.person(), client_id, { resource, scope: '' })
  const grant_id = await grantOf(stage.toolgate, tokens.refresh_token)
  return { ...account, ...tokens, grant_id }
}
type Connected = Awaited<ReturnType<typeof connected>>

const isActive = async ({ access_token }: Connected) =>
  (await beside.introspect(stage.credentials, access_token)).active

async function expectGone(family: Connected) {
  expect(await beside.introspect(stage.credentials, family.access_token)).toEqual({ active: false })
  const refused = await beside.refresh(client_id, family.refresh_token)
  expect([refused.status, await refused.json()]).toMatchObject([400, { error: 'invalid_grant' }])
  expect(await remains(stage.toolgate, family.grant_id)).toEqual(NOTHING)
}

const revocations = ({ grant_id }: Connected) => audited(stage.toolgate, { grant_id, type: 'grant.revoked' })

const reason = 'lost laptop'

const BY_API: Operate = {
  grants: async (account) => (await api('GET', `/grants?account=${account}`)).body.grants,
  tokens: async (account) => (await api('GET', `/refresh-tokens?account=${account}`)).body.refresh_tokens,
  revoke: async (by) => (await api('POST', '/grants/revoke', { ...by, reason })).body.revoked,
  revokeGrant: async (id) => (await api('POST', `/grants/${id}/revoke`, { reason })).body.revoked,
  revokeToken: async (id) => (await api('POST', `/refresh-tokens/${id}/revoke`, { reason })).body.revoked,
}

const FLAGS: Record<string, string> = { account: '--account', client_id: '--client', resource: '--resource' }
const BY_CLI: Operate = {
  grants: async (account) => (await cli('grants', 'list', '--account', account)).grants,
  tokens: async (account) => (await cli('refresh-tokens', 'list', '--account', account)).refresh_tokens,
  revoke: async (by) => {
    const flags = Object.entries(by).flatMap(([name, value]) => [FLAGS[name] ?? name, value])
    return (await cli('grants', 'revoke', ...flags, '--reason', reason)).revoked
  },
  revokeGrant: async (id) => (await cli('grants', 'revoke', id, '--reason', reason)).revoked,
  revokeToken: async (id) => (await cli('refresh-tokens', 'revoke', id, '--reason', reason)).revoked,
}

describe.each<[string, () => object, Operate]>([
  ['the API', () => ({ actor_kind: 'operator_token', actor_id: operator.id, ip: '127.0.0.1' }), BY_API],
  ['the command line', () => ({ actor_kind: 'cli', actor_id: expect.stringMatching(/^.+@.+$/) }), BY_CLI],
])('%s', (_, actor, operate) => {
  it('lists grants and refresh tokens, and nothing that opens anything', async () => {
    const family = await connected()
    const grants = await operate.grants(family.username)
    const { grant_id, username } = family
    expect(grants).toMatchObject([
      { id: grant_id, username, client_id, resource: stage.resource, scope: 'notes:read' },
    ])
    const tokens = await operate.tokens(username)
    const id = sha256(family.refresh_token).toString('base64url')
    expect(tokens).toMatchObject([{ id, grant_id, username }])
    const text = JSON.stringify([grants, tokens])
    for (const secret of [family.refresh_token, family.access_token]) expect(text).not.toContain(secret)
  })

  it('revokes a grant: the next introspection on any instance is inactive, and the log says who and why', async () => {
    const family = await connected()
    expect(await isActive(family)).toBe(true)
    expect(await operate.revokeGrant(family.grant_id)).toEqual([family.grant_id])
    await expectGone(family)
    expect(await revocations(family)).toMatchObject([
      {
        ...actor(),
        account_id: family.id,
        client_id,
        resource: stage.resource,
        scope: 'notes:read',
        detail: { reason },
      },
    ])
  })

  it('revokes a refresh token by its id, with the family that it carries, and no other', async () => {
    const [family, other] = [await connected(), await connected()]
    const [token] = await operate.tokens(family.username)
    expect(await operate.revokeToken(token!.id)).toEqual([family.grant_id])
    await expectGone(family)
    expect(await isActive(other)).toBe(true)
    expect(await operate.tokens(family.username)).toEqual([])
    expect(await operate.revokeToken(token!.id)).toEqual([])
  })

  it('revokes everything of an account, by name, and nothing of another', async () => {
    const [family, other] = [await connected(), await connected()]
    expect(await operate.revoke({ account: family.username })).toEqual([family.grant_id])
    await expectGone(family)
    expect(await isActive(other)).toBe(true)
    expect(await revocations(other)).toEqual([])
  })

  it('revokes everything on a resource, and nothing on another', async () => {
    const [notes, calendar] = [await connected(), await connected(CALENDAR)]
    expect(await operate.revoke({ account: calendar.username, resource: stage.resource })).toEqual([])
    expect(await operate.revoke({ resource: CALENDAR })).toContain(calendar.grant_id)
    expect(await remains(stage.toolgate, calendar.grant_id)).toEqual(NOTHING)
    expect(await isActive(notes)).toBe(true)
  })

  it('revokes everything of a client, of whomever', async () => {
    const families = [await connected(), await connected()]
    const revoked = await operate.revoke({ client_id })
    for (const family of families) {
      expect(revoked).toContain(family.grant_id)
      await expectGone(family)
      expect(await revocations(family)).toMatchObject([actor()])
    }
  })
})

describe('the API', () => {
  it.each([
    ['no token', () => ''],
    ['a token that never was', () => `tgo_${'x'.repeat(43)}`],
    ['what is no token', () => 'admin'],
    ['an access token of a person', async () => (await connected()).access_token],
  ])('with %s answers 401, changes nothing and records it', async (_, token) => {
    const family = await connected()
    const presented = await token()
    const before = (await audited(stage.toolgate, { type: 'operator.refused' })).length
    for (const [method, path, body] of [
      ['GET', '/grants', undefined],
      ['GET', '/refresh-tokens', undefined],
      ['POST', `/grants/${family.grant_id}/revoke`, {}],
      ['POST', '/grants/revoke', { account: family.username }],
    ] as const) {
      const refused = await api(method, path, body, presented)
      expect(refused.status).toBe(401)
      expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer /)
      expect(JSON.stringify(refused.body)).not.toContain(family.grant_id)
    }
    expect(await isActive(family)).toBe(true)
    const events = (await audited(stage.toolgate, { type: 'operator.refused' })).slice(before)
    expect(events).toHaveLength(4)
    expect(events[3]).toMatchObject({ decision: 'denied', detail: { method: 'POST' } })
    if (presented !== '') expect(JSON.stringify(events)).not.toContain(presented)
  })

  it('with an expired operator token answers 401', async () => {
    const { id, token } = await stage.toolgate.operatorToken()
    expect((await api('GET', '/grants', undefined, token)).status).toBe(200)
    const { knex } = stage.toolgate.db.database
    await knex('operator_tokens')
      .where({ id })
      .update({ expires_at: knex.raw("now() - interval '1 second'") })
    expect((await api('GET', '/grants', undefined, token)).status).toBe(401)
  })

  it('does not revoke everything when asked to revoke nothing in particular', async () => {
    const family = await connected()
    for (const body of [{}, { reason: 'oops' }, { accounts: family.username }])
      expect((await api('POST', '/grants/revoke', body)).status).toBe(400)
    expect(await isActive(family)).toBe(true)
  })

  it('revokes nothing when the revocation cannot be recorded', async () => {
    const family = await connected()
    const { knex } = stage.toolgate.db.database
    await knex.raw('alter table audit_events rename to audit_events_away')
    const refused = await api('POST', `/grants/${family.grant_id}/revoke`).finally(() =>
      knex.raw('alter table audit_events_away rename to audit_events'),
    )
    expect(refused.status).toBe(503)
    expect(await isActive(family)).toBe(true)
    expect((await api('POST', `/grants/${family.grant_id}/revoke`)).status).toBe(200)
    await expectGone(family)
  })
})

describe.each(REAL_CLIENTS)('%s', (_, make) => {
  it('loses its access in the middle of a session, asks its person again, and goes on', async () => {
    const { person, username } = await stage.toolgate.account()
    const browser = person()
    const client = make(stage.resource)
    await connectThrough(client, browser)
    expect(await client.call('search_notes', { query: 'welcome' })).toContain('Welcome')
    await api('POST', '/grants/revoke', { account: username })
    expect(await client.call('search_notes', { query: 'welcome' })).toBe(NEEDS_PERSON)
    await letDecide(client, browser)
    expect(await client.call('search_notes', { query: 'welcome' })).toContain('Welcome')
    await client.close()
  })
})
