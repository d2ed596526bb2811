import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { changeAccount } from '../../src/accounts/accounts.ts'
import { NEEDS_PERSON } from '../support/client-memory.ts'
import { grantOf, NOTHING, passGrace, remains } from '../support/families.ts'
import { TEST } from '../support/origins.ts'
import type { Tokens } from '../support/toolgate.ts'
import {
  audited,
  connectThrough,
  expireAccessToken,
  letDecide,
  REAL_CLIENTS,
  startWithNotes,
  type WithNotes,
} from '../support/with-notes.ts'

let stage: WithNotes
let client_id: string

beforeAll(async () => {
  stage = await startWithNotes()
  client_id = (await stage.toolgate.register()).client_id
})
afterAll(() => stage.close())

type Answer = Tokens & { error?: string }
type Account = Awaited<ReturnType<WithNotes['toolgate']['account']>>

const json = async (response: Promise<Response>) => (await (await response).json()) as Answer
const refreshed = (token: string, more = {}) => json(stage.toolgate.refresh(client_id, token, more))
const introspected = (token: string, more = {}) => stage.toolgate.introspect(stage.credentials, token, more)
const authorize = (account: Account, scope = 'notes:read notes:write') =>
  stage.toolgate.authorize(account.person(), client_id, { resource: stage.resource, scope })
const tokensFor = (account: Account, scope = 'notes:read notes:write') =>
  stage.toolgate.tokens(account.person(), client_id, { resource: stage.resource, scope })
const change = (account: Account, what: { roles?: string[]; disabled?: boolean }) =>
  changeAccount(stage.toolgate.dependencies, account.username, what, TEST)

describe.each(REAL_CLIENTS)('%s', (_, make) => {
  it('refreshes by itself when its access token has expired, and goes on as if nothing had been', async () => {
    const { person, id } = await stage.toolgate.account()
    const client = make(stage.resource)
    await connectThrough(client, person())
    const { access_token, refresh_token } = client.memory
    await expireAccessToken(stage.toolgate, access_token)

    const from = client.exchanges.length
    expect(await client.call('search_notes', { query: 'welcome' })).toContain('Welcome')
    const token_requests = client.exchanges.slice(from).filter(({ request }) => request === 'POST /token')
    expect(token_requests).toMatchObject([
      { sent: { grant_type: 'refresh_token', refresh_token }, status: 200 },
    ])
    expect(client.memory.access_token).not.toBe(access_token)
    expect(client.memory.refresh_token).not.toBe(refresh_token)
    expect(client.memory.scope).toBe('notes:read')
    expect(await audited(stage.toolgate, { account_id: id, type: 'token.refreshed' })).toHaveLength(1)
    await client.close()
  })

  it('asks its person again when its refresh token is dead, and then goes on', async () => {
    const { person } = await stage.toolgate.account()
    const browser = person()
    const client = make(stage.resource)
    await connectThrough(client, browser)
    await stage.toolgate.post('/revoke', {
      client_id: client.memory.client_id,
      token: client.memory.refresh_token,
    })
    expect(await client.call('search_notes', { query: '' })).toBe(NEEDS_PERSON)
    await letDecide(client, browser)
    expect(await client.call('search_notes', { query: 'welcome' })).toContain('Welcome')
    await client.close()
  })

  it('registers again when its registration is gone', async () => {
    const { person } = await stage.toolgate.account()
    const browser = person()
    const client = make(stage.resource)
    await connectThrough(client, browser)
    const stale = client.memory.client_id
    await expireAccessToken(stage.toolgate, client.memory.access_token)
    await stage.toolgate.db.database.knex('clients').where({ id: stale }).delete()
    expect(await client.call('search_notes', { query: '' })).toBe(NEEDS_PERSON)
    expect(client.memory.client_id).not.toBe(stale)
    await letDecide(client, browser)
    expect(await client.call('search_notes', { query: 'welcome' })).toContain('Welcome')
    await client.close()
  })
})

describe('an authorization code', () => {
  it('gives tokens once; presented again it ends everything that came from it', async () => {
    const account = await stage.toolgate.account()
    const { code, code_verifier } = await authorize(account)
    const tokens = await json(stage.toolgate.redeem(client_id, code, code_verifier))
    expect(tokens).toMatchObject({ token_type: 'Bearer', scope: 'notes:read notes:write', expires_in: 900 })
    expect(await introspected(tokens.access_token)).toMatchObject({ active: true })
    const grant_id = await grantOf(stage.toolgate, tokens.refresh_token)

    const again = await stage.toolgate.redeem(client_id, code, code_verifier)
    expect([again.status, await again.json()]).toMatchObject([400, { error: 'invalid_grant' }])
    expect(await introspected(tokens.access_token)).toEqual({ active: false })
    expect(await refreshed(tokens.refresh_token)).toMatchObject({ error: 'invalid_grant' })
    expect(await remains(stage.toolgate, grant_id)).toEqual(NOTHING)
    expect(await audited(stage.toolgate, { grant_id, type: 'refresh_token.reused' })).toMatchObject([
      { detail: { presented: 'authorization_code' } },
    ])
  })

  it.each([
    ['another verifier', { code_verifier: 'x'.repeat(43) }, 'invalid_grant'],
    ['no verifier', { code_verifier: '' }, 'invalid_grant'],
    ['another redirect URI', { redirect_uri: 'http://127.0.0.1:33418/other' }, 'invalid_grant'],
    ['another client', { client_id: 'cl_nobody' }, 'invalid_client'],
    ['another resource', { resource: 'https://elsewhere.example/mcp' }, 'invalid_target'],
  ])('with %s gives nothing and is not spent', async (_, wrong, error) => {
    const { code, code_verifier } = await authorize(await stage.toolgate.account())
    const refused = await stage.toolgate.redeem(client_id, code, code_verifier, wrong)
    expect(refused.headers.get('cache-control')).toBe('no-store')
    expect([refused.status, await refused.json()]).toMatchObject([
      error === 'invalid_client' ? 401 : 400,
      { error },
    ])
    expect(await json(stage.toolgate.redeem(client_id, code, code_verifier))).toHaveProperty('access_token')
  })
})

describe('a refresh', () => {
  it('rotates the refresh token; the spent one, later, ends the family', async () => {
    const first = await tokensFor(await stage.toolgate.account())
    const grant_id = await grantOf(stage.toolgate, first.refresh_token)
    const second = await refreshed(first.refresh_token)
    const third = await refreshed(second.refresh_token)
    expect(new Set([first, second, third].map(({ refresh_token }) => refresh_token)).size).toBe(3)
    await passGrace(stage.toolgate, grant_id)
    expect(await refreshed(first.refresh_token)).toMatchObject({ error: 'invalid_grant' })
    expect(await refreshed(third.refresh_token)).toMatchObject({ error: 'invalid_grant' })
    expect(await introspected(third.access_token)).toEqual({ active: false })
  })

  it('narrows the scope when it is asked to, and not for good', async () => {
    const first = await tokensFor(await stage.toolgate.account())
    const narrow = await refreshed(first.refresh_token, { scope: 'notes:read' })
    expect(narrow.scope).toBe('notes:read')
    expect(await introspected(narrow.access_token)).toMatchObject({ scope: 'notes:read' })
    expect((await refreshed(narrow.refresh_token)).scope).toBe('notes:read notes:write')
  })

  it('never gives more than was consented to; to ask for it does not spend the token', async () => {
    const first = await tokensFor(await stage.toolgate.account(), 'notes:read')
    const wider = await stage.toolgate.refresh(client_id, first.refresh_token, {
      scope: 'notes:read notes:write',
    })
    expect([wider.status, await wider.json()]).toMatchObject([400, { error: 'invalid_scope' }])
    expect((await refreshed(first.refresh_token)).scope).toBe('notes:read')
  })
})

describe('a change of the account', () => {
  it('to a lesser role narrows the token at its next introspection, and the next refresh', async () => {
    const account = await stage.toolgate.account()
    const first = await tokensFor(account)
    const asked = { mcp_method: 'tools/call', mcp_name: 'create_note' }
    expect(await introspected(first.access_token, asked)).toMatchObject({ mcp: { allowed: true } })

    await change(account, { roles: ['reader'] })
    expect(await introspected(first.access_token, asked)).toMatchObject({
      active: true,
      scope: 'notes:read',
      mcp: { allowed: false, scope: 'notes:write' },
    })
    const second = await refreshed(first.refresh_token)
    expect(second.scope).toBe('notes:read')

    await change(account, { roles: ['editor'] })
    expect((await refreshed(second.refresh_token)).scope).toBe('notes:read notes:write')
  })

  it('to disabled makes its tokens inactive and refuses the refresh; enabled again, both work', async () => {
    const account = await stage.toolgate.account()
    const { access_token, refresh_token } = await tokensFor(account)
    await change(account, { disabled: true })
    expect(await introspected(access_token)).toEqual({ active: false })
    expect(await refreshed(refresh_token)).toMatchObject({ error: 'invalid_grant' })
    await change(account, { disabled: false })
    expect(await introspected(access_token)).toMatchObject({ active: true })
    expect(await refreshed(refresh_token)).toHaveProperty('access_token')
  })
})

describe('the revocation endpoint', () => {
  const revoke = (token: string, more: Record<string, string> = {}) =>
    stage.toolgate.post('/revoke', { client_id, token, ...more })

  it('ends the family for a refresh token', async () => {
    const first = await tokensFor(await stage.toolgate.account())
    const second = await refreshed(first.refresh_token)
    const grant_id = await grantOf(stage.toolgate, second.refresh_token)
    expect((await revoke(second.refresh_token)).status).toBe(200)
    for (const { access_token } of [first, second])
      expect(await introspected(access_token)).toEqual({ active: false })
    expect(await refreshed(second.refresh_token)).toMatchObject({ error: 'invalid_grant' })
    expect(await remains(stage.toolgate, grant_id)).toEqual(NOTHING)
    expect(await audited(stage.toolgate, { grant_id, type: 'token.revoked' })).toMatchObject([
      { client_id, detail: { found: true } },
    ])
  })

  it('ends an access token alone', async () => {
    const first = await tokensFor(await stage.toolgate.account())
    const second = await refreshed(first.refresh_token)
    expect((await revoke(first.access_token)).status).toBe(200)
    expect(await introspected(first.access_token)).toEqual({ active: false })
    expect(await introspected(second.access_token)).toMatchObject({ active: true })
    expect(await refreshed(second.refresh_token)).toHaveProperty('access_token')
  })

  it('answers the same for a token that never was, and leaves that of another client alone', async () => {
    const { refresh_token, access_token } = await tokensFor(await stage.toolgate.account())
    const other = await stage.toolgate.register({ client_name: 'Another client' })
    const answers = [
      await revoke('x'.repeat(43)),
      await revoke(refresh_token, { client_id: other.client_id }),
      await revoke(access_token, { client_id: other.client_id }),
    ]
    expect(await introspected(access_token)).toMatchObject({ active: true })
    expect(await refreshed(refresh_token)).toHaveProperty('access_token')
    expect(answers.map(({ status }) => status)).not.toContain(500)
    expect(answers[0]?.status).toBe(200)
  })
})

describe('discovery', () => {
  const read = async (path: string) =>
    (await (await stage.toolgate.fetch(path)).json()) as Record<string, unknown>

  it.each(['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'])(
    '%s names this issuer, its endpoints and what it can do',
    async (path) => {
      const { issuer } = stage.toolgate
      expect(await read(path)).toMatchObject({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        registration_endpoint: `${issuer}/register`,
        revocation_endpoint: `${issuer}/revoke`,
        introspection_endpoint: `${issuer}/introspect`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ['code'],
        grant_types_supported: ['authorization_code', 'refresh_token'],
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
        client_id_metadata_document_supported: true,
        scopes_supported: ['notes:read', 'calendar:read'],
      })
    },
  )

  it('both documents say the same, with none as the first way to authenticate', async () => {
    const oauth = await read('/.well-known/oauth-authorization-server')
    expect(await read('/.well-known/openid-configuration')).toEqual(oauth)
    expect((oauth.token_endpoint_auth_methods_supported as string[])[0]).toBe('none')
  })

  it('points to keys that are public', async () => {
    const { keys } = (await read('/jwks')) as { keys: Record<string, unknown>[] }
    expect(keys.length).toBeGreaterThan(0)
    for (const key of keys)
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(secret)
  })

  it('the MCP server names this issuer and its own scopes', async () => {
    const { origin } = new URL(stage.resource)
    const response = await fetch(`${origin}/.well-known/oauth-protected-resource/mcp`)
    expect(await response.json()).toMatchObject({
      resource: stage.resource,
      authorization_servers: [stage.toolgate.issuer],
      bearer_methods_supported: ['header'],
    })
  })
})
