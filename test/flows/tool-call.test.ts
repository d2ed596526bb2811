import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sha256 } from '../../src/base/digest.ts'
import { NEEDS_PERSON } from '../support/client-memory.ts'
import { PostgresProxy } from '../support/postgres-proxy.ts'
import { startSecondInstance } from '../support/second-instance.ts'
import { REDIRECT_URI, type Tokens } from '../support/toolgate.ts'
import {
  audited,
  CALENDAR,
  connectThrough,
  letDecide,
  REAL_CLIENTS,
  startWithNotes,
  type WithNotes,
} from '../support/with-notes.ts'

let stage: WithNotes
let client_id: string
let reader: Tokens

beforeAll(async () => {
  stage = await startWithNotes()
  client_id = (await stage.toolgate.register()).client_id
  const { person } = await stage.toolgate.account()
  reader = await stage.toolgate.tokens(person(), client_id, { resource: stage.resource, scope: 'notes:read' })
})
afterAll(() => stage.close())

const ask = (form: Record<string, string>, credentials = stage.credentials) =>
  stage.toolgate.post('/introspect', { ...credentials, ...form })
const tool = (mcp_name: string) => ({ mcp_method: 'tools/call', mcp_name })

/** A message to the MCP server, with nothing of an SDK in between. */
const message = (method: string, params: object, headers: Record<string, string> = {}) =>
  fetch(stage.resource, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${reader.access_token}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })

/** All but reports of what came of calls, which arrive when they like. */
const answered = async () => (await audited(stage.toolgate)).filter(({ type }) => type !== 'tool.completed')
const countAudited = async () => (await answered()).length

describe.each(REAL_CLIENTS)('%s', (_, make) => {
  it('runs what its token opens, steps up for what it does not, and runs that too', async () => {
    const { person, id } = await stage.toolgate.account()
    const browser = person()
    const client = make(stage.resource)
    await connectThrough(client, browser)
    expect(await client.tools()).toEqual(['get_note', 'search_notes'])
    expect(await client.call('search_notes', { query: 'welcome' })).toContain('Welcome')

    const note = { title: 'Tea', text: 'Buy tea' }
    expect(await client.call('create_note', note)).toBe(NEEDS_PERSON)
    const asked_scope = client.memory.authorization_url?.searchParams.get('scope')?.split(' ')
    expect(asked_scope).toContain('notes:write')
    expect((await letDecide(client, browser)).pages).toEqual(['A real client wants to use Notes'])
    expect(await client.call('create_note', note)).toContain('Buy tea')
    expect(await client.tools()).toEqual(['create_note', 'get_note', 'search_notes', 'update_note'])

    const of_tool = { account_id: id, type: 'tool.decided', tool: 'create_note' }
    const decisions = (await audited(stage.toolgate, of_tool)).map(({ decision }) => decision)
    expect(decisions.at(0)).toBe('denied')
    expect(decisions.at(-1)).toBe('allowed')
    await client.close()
  })

  it('steps up in vain for what the role does not allow; the person reads why', async () => {
    const { person, id } = await stage.toolgate.account(['reader'])
    const browser = person()
    const client = make(stage.resource)
    await connectThrough(client, browser)
    expect(await client.call('create_note', { title: 'a', text: 'b' })).toBe(NEEDS_PERSON)
    const { consent } = await browser.authorize(client.memory.authorization_url!, REDIRECT_URI)
    expect(consent.split('your account does not allow it')[1]).toContain('Create and change notes')
    const scopes = await stage.toolgate.db.database.knex('grants').where({ account_id: id }).pluck('scope')
    expect(scopes.join(' ')).not.toContain('notes:write')
    await client.close()
  })
})

describe('the guard', () => {
  it('lists only the tools that the token opens', async () => {
    const text = await (await message('tools/list', {})).text()
    for (const name of ['search_notes', 'get_note']) expect(text).toContain(`"${name}"`)
    for (const name of ['create_note', 'update_note', 'delete_note']) expect(text).not.toContain(name)
  })

  it('answers a tool beyond the token with a challenge that names the scope', async () => {
    const response = await message('tools/call', { name: 'delete_note', arguments: { id: '1' } })
    expect(response.status).toBe(403)
    const challenge = response.headers.get('www-authenticate')
    expect(challenge).toContain('error="insufficient_scope"')
    expect(challenge).toContain('scope="notes:delete"')
    expect(challenge).toContain(`resource_metadata="${new URL(stage.resource).origin}/.well-known/`)
  })

  it('denies a tool that no scope opens, and offers no step-up', async () => {
    const response = await message('tools/call', { name: 'drop_tables', arguments: {} })
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).not.toContain('scope="')
  })

  it.each([
    ['no token', {}, 401, 'resource_metadata='],
    ['an unknown token', { authorization: `Bearer ${'x'.repeat(43)}` }, 401, 'error="invalid_token"'],
    ['what is no token at all', { authorization: 'Bearer a b' }, 401, 'error="invalid_token"'],
  ])('refuses %s', async (_, headers, status, challenge) => {
    const response = await fetch(stage.resource, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }),
    })
    expect(response.status).toBe(status)
    expect(response.headers.get('www-authenticate')).toContain(challenge)
  })

  it.each([
    ['Mcp-Name', { 'mcp-name': 'search_notes' }],
    ['Mcp-Method', { 'mcp-method': 'tools/list' }],
  ])('refuses a body that disagrees with its %s header, before anything is decided', async (_, headers) => {
    const before = await countAudited()
    const response = await message('tools/call', { name: 'delete_note', arguments: { id: '1' } }, headers)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { code: -32020 } })
    expect(await countAudited()).toBe(before)
  })
})

describe('introspection', () => {
  it('says who, through which client, for which resource, until when', async () => {
    const response = await ask({ token: reader.access_token, ...tool('get_note') })
    expect(response.headers.get('cache-control')).toBe('no-store')
    const answer = (await response.json()) as Record<string, unknown>
    expect(answer).toMatchObject({
      active: true,
      iss: stage.toolgate.issuer,
      sub: expect.stringMatching(/^usr_/),
      username: expect.stringMatching(/^user-/),
      client_id,
      scope: 'notes:read',
      aud: stage.resource,
      token_type: 'Bearer',
      jti: sha256(reader.access_token).toString('base64url'),
      mcp: { method: 'tools/call', name: 'get_note', allowed: true, scope: 'notes:read' },
    })
    expect(Number(answer.exp) - Number(answer.iat)).toBe(900)
  })

  it('shows another resource server the very bytes that it shows for a token that never was', async () => {
    const calendar = await stage.toolgate.resourceServer(CALENDAR)
    const credentials = { client_id: calendar.client_id, client_secret: calendar.client_secret }
    const answers = await Promise.all([
      ask({ token: reader.access_token }, credentials),
      ask({ token: reader.access_token, ...tool('get_note') }, credentials),
      ask({ token: reader.refresh_token }),
      ask({ token: 'x'.repeat(43) }),
      ask({ token: 'not even the shape of one' }),
    ])
    for (const answer of answers) {
      expect(answer.status).toBe(200)
      expect(await answer.text()).toBe('{"active":false}')
      expect(answer.headers.get('content-type')).toBe(answers[0]?.headers.get('content-type'))
    }
  })

  it.each([
    ['a wrong secret', () => ({ ...stage.credentials, client_secret: 'x'.repeat(43) })],
    ['an unknown resource server', () => ({ ...stage.credentials, client_id: 'nobody' })],
    ['a client in place of a resource server', () => ({ client_id, client_secret: '' })],
  ])('refuses %s with 401, whatever the token', async (_, credentials) => {
    for (const token of [reader.access_token, 'x'.repeat(43)]) {
      const response = await ask({ token }, credentials())
      expect(response.status).toBe(401)
      expect(response.headers.get('www-authenticate')).toMatch(/^Basic /)
      expect(await response.json()).toMatchObject({ error: 'invalid_client' })
    }
  })

  it('has its row in the audit log by the time the answer is there', async () => {
    for (const name of ['get_note', 'create_note', 'no_such_tool']) {
      const before = await countAudited()
      const answer = (await (await ask({ token: reader.access_token, ...tool(name) })).json()) as {
        sub: string
        mcp: { allowed: boolean }
      }
      const rows = (await answered()).slice(before)
      expect(rows).toMatchObject([
        {
          type: 'tool.decided',
          tool: name,
          decision: answer.mcp.allowed ? 'allowed' : 'denied',
          account_id: answer.sub,
          client_id,
          resource: stage.resource,
          token_id: sha256(reader.access_token).toString('base64url'),
          detail: { resource_server: stage.credentials.client_id, method: 'tools/call' },
        },
      ])
    }
  })

  it('records a refused resource server and an inactive token as well', async () => {
    const before = await countAudited()
    await ask({ token: reader.access_token }, { ...stage.credentials, client_secret: 'wrong' })
    await ask({ token: 'x'.repeat(43) })
    expect((await answered()).slice(before)).toMatchObject([
      {
        type: 'introspection.refused',
        decision: 'denied',
        actor_kind: 'unauthenticated',
        detail: { presented_client_id: stage.credentials.client_id },
      },
      {
        type: 'token.introspected',
        decision: 'inactive',
        actor_kind: 'resource_server',
        actor_id: stage.credentials.client_id,
        detail: { reason: 'not_live' },
      },
    ])
  })
})

describe('when the audit log cannot be written', () => {
  const { stringify } = JSON
  const renamed = async (work: () => Promise<void>) => {
    const { knex } = stage.toolgate.db.database
    await knex.raw('alter table audit_events rename to audit_events_away')
    await work().finally(() => knex.raw('alter table audit_events_away rename to audit_events'))
  }

  it('no question is answered: 503, and the tool does not run', async () => {
    await renamed(async () => {
      const response = await ask({ token: reader.access_token, ...tool('get_note') })
      expect(response.status).toBe(503)
      expect(response.headers.get('retry-after')).toBe('1')
      expect(stringify(await response.json())).not.toContain('active')
      const called = await message('tools/call', { name: 'get_note', arguments: { id: '1' } })
      expect(called.status).toBe(503)
      expect(await called.text()).not.toContain('Welcome')
    })
    const after = await message('tools/call', { name: 'get_note', arguments: { id: '1' } })
    expect(await after.text()).toContain('Welcome')
  })

  it('no token is given either, and the refresh token is not spent', async () => {
    const { person } = await stage.toolgate.account()
    const { refresh_token } = await stage.toolgate.tokens(person(), client_id, {
      resource: stage.resource,
      scope: 'notes:read',
    })
    await renamed(async () => {
      const response = await stage.toolgate.refresh(client_id, refresh_token)
      expect(response.status).toBe(503)
      expect(await response.text()).not.toContain('access_token')
    })
    const { knex } = stage.toolgate.db.database
    const row = await knex('refresh_tokens')
      .where({ id: sha256(refresh_token) })
      .first('consumed_at')
    expect(row).toEqual({ consumed_at: null })
    expect((await stage.toolgate.refresh(client_id, refresh_token)).status).toBe(200)
  })
})

describe('when the database cannot be reached', () => {
  it('no question is answered, and afterwards every one again', async () => {
    const proxy = await PostgresProxy.start(stage.toolgate.db.url)
    const instance = await startSecondInstance(stage.toolgate, proxy.url)
    const question = { ...stage.credentials, token: reader.access_token, ...tool('get_note') }
    try {
      expect(await (await instance.post('/introspect', question)).json()).toMatchObject({ active: true })
      proxy.decide = () => 'lost'
      const response = await instance.post('/introspect', question)
      expect(response.status).toBe(503)
      expect(response.headers.get('retry-after')).toBe('1')
      expect(await response.json()).toMatchObject({ error: 'temporarily_unavailable' })
      proxy.decide = () => 'pass'
      expect(await (await instance.post('/introspect', question)).json()).toMatchObject({ active: true })
    } finally {
      await instance.close()
      await proxy.close()
    }
  })
})
