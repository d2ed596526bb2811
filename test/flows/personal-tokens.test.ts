import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOperatorToken } from '../../src/accounts/operator-tokens.ts'
import { sha256 } from '../../src/base/digest.ts'
import { expectClear } from '../support/hostile.ts'
import { TEST } from '../support/origins.ts'
import { dumpDatabase, leaksIn } from '../support/secret-search.ts'
import { audited, startWithNotes, type WithNotes } from '../support/with-notes.ts'

let stage: WithNotes
let admin: string
let log = ''

beforeAll(async () => {
  const write = (line: string) => {
    log += line
  }
  stage = await startWithNotes({ log: { write } })
  const { dependencies } = stage.toolgate
  const scopes = ['operator:admin'] as const
  admin = (await createOperatorToken(dependencies, { name: 'admin', days: 1, scopes }, TEST)).token
})
afterAll(() => stage.close())

type Made = { id: string; token: string }

async function api<T = Record<string, unknown>>(method: string, path: string, body?: object, bearer = admin) {
  const response = await stage.toolgate.fetch(`/operator/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`,
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  return { status: response.status, body: (await response.json()) as T }
}

async function create(account: string, change: object = {}): Promise<Made> {
  const request = { account, resource: stage.resource, name: 'Laptop', ...change }
  const { status, body } = await api<Made>('POST', '/personal-tokens', request)
  expect(status).toBe(201)
  return body
}

/** A client that was given a token, as people configure it. */
async function connect(token: string) {
  const client = new Client({ name: 'test', version: '1' })
  const headers = { Authorization: `Bearer ${token}`, 'User-Agent': 'Cursor/1.7.44 (linux x64)' }
  const transport = new StreamableHTTPClientTransport(new URL(stage.resource), { requestInit: { headers } })
  await client.connect(transport)
  return {
    close: () => client.close(),
    tools: async () => (await client.listTools()).tools.map(({ name }) => name).sort(),
    call: async (name: string, args: Record<string, unknown> = {}) => {
      const { content } = await client.callTool({ name, arguments: args })
      return (content as { text?: string }[])[0]?.text ?? ''
    },
  }
}

/** The answer to one call, without an SDK in between. */
const answerTo = (token: string, name: string) =>
  fetch(stage.resource, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name, arguments: { query: 'x', id: '1' } },
    }),
  })

describe('a colleague with a personal access token', () => {
  it('calls what it opens, is told what is missing, and every call is recorded under their name', async () => {
    const { id: account_id, username } = await stage.toolgate.account(['editor'])
    const { id, token } = await create(username)
    const client = await connect(token)
    expect(await client.tools()).toEqual(['get_note', 'search_notes'])
    expect(await client.call('search_notes', { query: 'welcome' })).toContain('Welcome')
    await stage.toolgate.app.user_agents.flush()
    const shown = await api('GET', `/personal-tokens/${id}`)
    expect(shown.body).toMatchObject({ username, could_use_oauth: { client: 'Cursor' } })
    await expect(client.call('create_note', { title: 'a', text: 'b' })).rejects.toThrow()
    const denied = await answerTo(token, 'create_note')
    expect(denied.status).toBe(403)
    expect(denied.headers.get('www-authenticate')).toMatch(
      /error="insufficient_scope".*scope="[^"]*notes:write/,
    )
    await client.close()

    const calls = await audited(stage.toolgate, { account_id, type: 'tool.decided' })
    const of_tools = calls.filter(({ tool }) => tool !== null).map(({ tool, decision }) => [tool, decision])
    expect(of_tools).toEqual([
      ['search_notes', 'allowed'],
      ['create_note', 'denied'],
      ['create_note', 'denied'],
    ])
    for (const call of calls)
      expect(call).toMatchObject({
        client_id: 'personal-access-token',
        grant_id: id,
        token_id: sha256(token).toString('base64url'),
      })

    const story = await api<{ entries: { text?: string }[] }>('POST', '/audit/story', { id })
    expect(JSON.stringify(story.body)).toContain('personal_token.created')
    const of_value = await api('POST', '/audit/story', { id: token })
    expect(of_value.body).toMatchObject({ kind: 'token' })
    expect(JSON.stringify(of_value.body)).toContain('search_notes')
  })

  it('works on through a rotation with either value, until the old one ends', async () => {
    const { username } = await stage.toolgate.account(['editor'])
    const { id, token } = await create(username)
    const client = await connect(token)
    const rotated = (await api<Made>('POST', `/personal-tokens/${id}/rotate`, {})).body
    const renewed = await connect(rotated.token)
    for (const each of [client, renewed])
      expect(await each.call('search_notes', { query: 'welcome' })).toContain('Welcome')
    const third = (await api<Made>('POST', `/personal-tokens/${id}/rotate`, { overlap_hours: 0 })).body
    expect((await answerTo(token, 'search_notes')).status).toBe(401)
    expect((await answerTo(rotated.token, 'search_notes')).status).toBe(401)
    expect((await answerTo(third.token, 'search_notes')).status).toBe(200)
    await client.close()
    await renewed.close()
  })

  it('is refused from the next call on when the token is revoked', async () => {
    const { username } = await stage.toolgate.account(['editor'])
    const { id, token } = await create(username)
    expect((await answerTo(token, 'search_notes')).status).toBe(200)
    const revocation = { reason: 'leaked' }
    const revoked = await api('POST', `/personal-tokens/${id}/revoke`, revocation)
    expect(revoked.body).toEqual({ revoked: [id] })
    const after = await answerTo(token, 'search_notes')
    expect(after.status).toBe(401)
    expect(after.headers.get('www-authenticate')).toContain('error="invalid_token"')
    expect((await api('POST', `/personal-tokens/${id}/revoke`, revocation)).body).toEqual({ revoked: [] })
  })

  it('loses what the account loses, at the next call', async () => {
    const { id: account_id, username } = await stage.toolgate.account(['editor'])
    const { token } = await create(username, { role: 'write' })
    expect((await answerTo(token, 'create_note')).status).toBe(200)
    const { knex } = stage.toolgate.db.database
    await knex('accounts')
      .where({ id: account_id })
      .update({ roles: ['reader'] })
    expect((await answerTo(token, 'create_note')).status).toBe(403)
    expect((await answerTo(token, 'search_notes')).status).toBe(200)
    await knex('accounts').where({ id: account_id }).update({ roles: [] })
    expect((await answerTo(token, 'search_notes')).status).toBe(403)
    await knex('accounts').where({ id: account_id }).update({ disabled_at: knex.fn.now() })
    expect((await answerTo(token, 'search_notes')).status).toBe(401)
  })

  it('is refused elsewhere: a token has one resource', async () => {
    const { username } = await stage.toolgate.account(['editor'])
    const { token } = await create(username)
    const other = await stage.toolgate.resourceServer('http://calendar.test/mcp')
    expect(await stage.toolgate.introspect(other, token)).toEqual({ active: false })
    expect((await api('GET', '/grants', undefined, token)).status).toBe(401)
  })
})

describe('a personal access token', () => {
  it('of an operator opens the operator API, within its scopes', async () => {
    const { username } = await stage.toolgate.account(['operator'])
    const resource = `${stage.toolgate.issuer}/operator/mcp`
    const { token } = await create(username, { resource })
    expect((await api('GET', '/personal-tokens', undefined, token)).status).toBe(200)
    expect((await api('POST', '/personal-tokens/pat_x/revoke', {}, token)).status).toBe(403)
  })

  it('is no refresh token, no code, and nothing that a client can revoke', async () => {
    const { username } = await stage.toolgate.account(['editor'])
    const { token } = await create(username)
    const { client_id } = await stage.toolgate.register()
    await expectClear(await stage.toolgate.refresh(client_id, token), 400)
    await expectClear(await stage.toolgate.redeem(client_id, token, 'v'.repeat(43)), 400)
    const as_client = await stage.toolgate.post('/revoke', { token, client_id: 'personal-access-token' })
    expect(as_client.status).toBe(401)
    expect((await stage.toolgate.post('/revoke', { token, client_id })).status).toBe(200)
    expect((await answerTo(token, 'search_notes')).status).toBe(200)
  })

  it('that is mistyped is inactive, and costs no lookup', async () => {
    const { token } = await create((await stage.toolgate.account(['editor'])).username)
    const typo = token.slice(0, 20) + (token[20] === 'a' ? 'b' : 'a') + token.slice(21)
    expect(await stage.toolgate.introspect(stage.credentials, typo)).toEqual({ active: false })
    const events = await audited(stage.toolgate, { decision: 'inactive' })
    expect(events.at(-1)).toMatchObject({ token_id: null })
  })

  it('has a readable name among grants', async () => {
    const { username } = await stage.toolgate.account(['editor'])
    const { id } = await create(username)
    const { body } = await api<{ grants: object[] }>('GET', `/grants?account=${username}`)
    expect(body.grants).toMatchObject([{ id, client_name: 'Personal access token', access_tokens: 1 }])
  })

  it('is kept nowhere: not in the database, not in the log', async () => {
    const { id, token } = await create((await stage.toolgate.account(['editor'])).username)
    const rotated = (await api<Made>('POST', `/personal-tokens/${id}/rotate`, {})).body.token
    await answerTo(rotated, 'search_notes')
    const secrets = new Map([
      [token, 'token'],
      [rotated, 'rotated token'],
    ])
    const { text } = await dumpDatabase(stage.toolgate.db.database.knex)
    expect(leaksIn(text + log, secrets)).toEqual([])
  })
})
