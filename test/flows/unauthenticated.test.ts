import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { asserting, assertion, testKey } from '../support/assertions.ts'
import { REDIRECT_URI, Toolgate } from '../support/toolgate.ts'
import { audited } from '../support/with-notes.ts'

/** Nobody who did not authenticate chooses what the log says about who acted, whatever they call themselves. */
let toolgate: Toolgate
beforeAll(async () => {
  toolgate = await Toolgate.start()
})
afterAll(() => toolgate.close())

const basic = (id: string, secret = 'wrong') => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})
const TOKEN = 'A'.repeat(43)
const refresh = { grant_type: 'refresh_token', refresh_token: TOKEN }

/** The events of one request, which it names by its id; those of sign-ins and flows too. */
async function eventsOf(
  ask: (headers: Record<string, string>) => Promise<Response>,
): Promise<Awaited<ReturnType<typeof audited>>> {
  const before = new Set((await audited(toolgate)).map(({ id }) => id))
  const { status } = await ask({ 'x-request-id': 'toolgate-server' })
  expect(status).toBeLessThan(500)
  const now = await audited(toolgate)
  return now.filter(({ id, type }) => !before.has(id) && !type.startsWith('writer.'))
}

const REPORT = {
  id: randomUUID(),
  occurred_at_ms: 0,
  request_id: 'toolgate',
  sub: 'server',
  client_id: 'cli',
  method: 'tools/list',
  type: 'tool.decided',
  allowed: true,
  scope: '',
}

const NOBODY = { actor_kind: 'unauthenticated', actor_id: null, account_id: null, client_id: null }

type Door = [door: string, ask: (id: string, headers: Record<string, string>) => Promise<Response>]

const PRESENTED: Door[] = [
  [
    'introspection, by header',
    (id, h) => toolgate.post('/introspect', { token: TOKEN }, { ...h, ...basic(id) }),
  ],
  [
    'introspection, by form',
    (id, h) => toolgate.post('/introspect', { token: TOKEN, client_id: id, client_secret: 'wrong' }, h),
  ],
  [
    'introspection, by an assertion',
    (id, h) => {
      const signed = assertion(testKey(), { id, aud: toolgate.issuer })
      return toolgate.post('/introspect', { token: TOKEN, ...asserting(signed) }, h)
    },
  ],
  ['the revocation feed', (id, h) => toolgate.post('/introspect/changes', {}, { ...h, ...basic(id) })],
  [
    'reports',
    (id, h) =>
      toolgate.fetch('/introspect/reports', {
        method: 'POST',
        headers: { ...h, 'content-type': 'application/json' },
        body: JSON.stringify({ client_id: id, client_secret: 'wrong', reports: [REPORT] }),
      }),
  ],
  ['a token request', (id, h) => toolgate.post('/token', { ...refresh, client_id: id }, h)],
  ['a revocation', (id, h) => toolgate.post('/revoke', { token: TOKEN, client_id: id }, h)],
  [
    'an authorization request',
    (id, h) =>
      toolgate.fetch(`/authorize?${new URLSearchParams({ client_id: id, redirect_uri: REDIRECT_URI })}`, {
        headers: h,
      }),
  ],
]

const OTHERS: Door[] = [
  ['a token request, by header', (id, h) => toolgate.post('/token', refresh, { ...h, ...basic(id) })],
  [
    'a sign-in',
    (id, h) => toolgate.post('/sign-in', { username: id, password: 'x' }, { ...h, origin: toolgate.issuer }),
  ],
  [
    'the operator API',
    (id, h) =>
      toolgate.fetch('/operator/api/v1/grants', { headers: { ...h, authorization: `Bearer ${id}` } }),
  ],
  [
    'the MCP server of operators',
    (id, h) => toolgate.fetch('/operator/mcp', { headers: { ...h, authorization: `Bearer ${id}` } }),
  ],
]

describe.each(['cli', 'toolgate', 'server'])('a stranger who says to be %s', (id) => {
  it.each(PRESENTED)('at %s is nobody, and what they said is kept as said', async (_, ask) => {
    expect(await eventsOf((headers) => ask(id, headers))).toMatchObject([
      { ...NOBODY, detail: { presented_client_id: id } },
    ])
  })

  it.each(OTHERS)('at %s is nobody', async (_, ask) => {
    const events = await eventsOf((headers) => ask(id, headers))
    expect(events).toMatchObject([NOBODY])
  })

  it('registers as nobody, and only the client that was made is named', async () => {
    const metadata = {
      client_name: `App ${id.length}`,
      client_id: id,
      redirect_uris: [`http://127.0.0.1/${id}`],
    }
    const [event, ...more] = await eventsOf((headers) =>
      toolgate.fetch('/register', {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(metadata),
      }),
    )
    expect(event).toMatchObject({
      type: 'client.registered',
      ...NOBODY,
      client_id: expect.stringMatching(/^cl_/),
    })
    expect(more).toEqual([])
  })
})

describe('whoever names what exists', () => {
  it.each([
    ['/token', refresh],
    ['/revoke', { token: TOKEN }],
  ])('a client, at %s with another secret than its own, is nobody', async (path, form) => {
    const { client_id } = await toolgate.register({
      client_name: `Confidential at ${path}`,
      token_endpoint_auth_method: 'client_secret_basic',
    })
    const events = await eventsOf((headers) => toolgate.post(path, form, { ...headers, ...basic(client_id) }))
    expect(events).toMatchObject([{ ...NOBODY, detail: { presented_client_id: client_id } }])
  })

  it('a public client has the client that it named, and is nobody all the same', async () => {
    const { client_id } = await toolgate.register()
    for (const [path, form] of [
      ['/token', refresh],
      ['/revoke', { token: TOKEN }],
    ] as const)
      expect(await eventsOf((headers) => toolgate.post(path, { ...form, client_id }, headers))).toMatchObject(
        [{ ...NOBODY, client_id }],
      )
  })

  it('a resource server, with another secret than its own, is nobody', async () => {
    const { client_id } = await toolgate.resourceServer()
    const form = { token: TOKEN, client_id, client_secret: 'wrong' }
    expect(await eventsOf((headers) => toolgate.post('/introspect', form, headers))).toMatchObject([
      { ...NOBODY, detail: { presented_client_id: client_id } },
    ])
  })

  it('an account, with another password than its own, is nobody; the account was tried', async () => {
    const { id, username } = await toolgate.account()
    const headers = { origin: toolgate.issuer }
    expect(
      await eventsOf((more) =>
        toolgate.post('/sign-in', { username, password: 'x' }, { ...headers, ...more }),
      ),
    ).toMatchObject([{ ...NOBODY, type: 'login.failed', account_id: id }])
  })

  it('a refresh token that was spent, is nobody: it may be stolen', async () => {
    const { id, person } = await toolgate.account()
    const { client_id } = await toolgate.register()
    const first = await toolgate.tokens(person(), client_id)
    await toolgate.refresh(client_id, first.refresh_token)
    const { db } = toolgate.dependencies
    await db('refresh_tokens')
      .update({ consumed_at: db.raw("now() - interval '1 hour'") })
      .whereNotNull('consumed_at')
    const form = { grant_type: 'refresh_token', refresh_token: first.refresh_token, client_id }
    expect(await eventsOf((headers) => toolgate.post('/token', form, headers))).toMatchObject([
      { ...NOBODY, type: 'refresh_token.reused', account_id: id, client_id },
    ])
  })
})
