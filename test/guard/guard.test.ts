import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGuard, type Decision, type Guard, type GuardOptions } from '../../src/guard/index.ts'
import {
  type IntrospectionStandIn,
  RESOURCE_SERVER,
  startIntrospectionStandIn,
} from '../support/introspection-stand-in.ts'

const RESOURCE = 'http://localhost:4001/mcp'
const METADATA = 'resource_metadata="http://localhost:4001/.well-known/oauth-protected-resource/mcp"'

let as: IntrospectionStandIn
let guard: Guard
let errors: Error[]

const guardWith = (options: Partial<GuardOptions> = {}) =>
  createGuard({
    resource: RESOURCE,
    issuer: as.issuer,
    ...RESOURCE_SERVER,
    default_scopes: ['notes:read'],
    on_error: (error) => errors.push(error),
    ...options,
  })

beforeEach(async () => {
  as = await startIntrospectionStandIn(RESOURCE)
  as.tokens.set('reader', { tools: ['search_notes', 'get_note'] })
  as.scopes.set('get_note', 'notes:read').set('create_note', 'notes:write').set('delete_note', 'notes:delete')
  errors = []
  guard = guardWith()
})
afterEach(() => as.close())

const call = (name: string, id = 1) => ({ jsonrpc: '2.0', id, method: 'tools/call', params: { name } })
const list = { jsonrpc: '2.0', id: 9, method: 'tools/list' }

function decide(
  body: unknown,
  headers: Record<string, string> = {},
  query = '',
  by = guard,
): Promise<Decision> {
  return by.decide({
    headers: new Headers({ authorization: 'Bearer reader', ...headers }),
    query: new URLSearchParams(query),
    readBody: async () => body,
  })
}

const challenge = (decision: Decision) =>
  decision.outcome === 'refused' ? decision.headers['www-authenticate'] : undefined

describe('a request that the guard lets through', () => {
  it('was allowed by the authorization server, and carries who calls', async () => {
    const decision = await decide(call('get_note'))
    expect(decision).toMatchObject({
      outcome: 'allowed',
      tools: ['get_note'],
      body: call('get_note'),
      auth: {
        token: 'reader',
        clientId: 'c',
        scopes: ['notes:read'],
        extra: { sub: 'ada', tools: ['get_note'] },
      },
    })
    expect(decision.outcome === 'allowed' && decision.auth.resource.href).toBe(RESOURCE)
  })

  it('was asked with Basic credentials in their form encoding, in the words of MCP', async () => {
    await decide(call('get_note'))
    const [{ form, headers }] = as.requests as [(typeof as.requests)[0]]
    expect(Object.fromEntries(form)).toEqual({
      token: 'reader',
      mcp_method: 'tools/call',
      mcp_name: 'get_note',
    })
    const basic = Buffer.from(headers.authorization!.replace('Basic ', ''), 'base64').toString()
    expect(basic).toBe('notes:a_secret-with%2Bodd%25chars')
  })

  it('lists the tools that the token opens', async () => {
    expect(await decide(list)).toMatchObject({ outcome: 'allowed', tools: ['search_notes', 'get_note'] })
  })

  it('is one introspection without a method for GET, DELETE and JSON-RPC responses', async () => {
    for (const body of [undefined, { jsonrpc: '2.0', id: 1, result: {} }]) {
      expect(await decide(body)).toMatchObject({ outcome: 'allowed', tools: [] })
    }
    expect(as.requests.map(({ form }) => Object.fromEntries(form))).toEqual([
      { token: 'reader' },
      { token: 'reader' },
    ])
  })

  it('has every message of its batch allowed', async () => {
    const decision = await decide([call('get_note'), list, call('search_notes', 3)])
    expect(decision).toMatchObject({ outcome: 'allowed', tools: ['get_note', 'search_notes'] })
    expect(as.requests).toHaveLength(3)
  })

  it('may write the scheme in any case', async () => {
    expect(await decide(list, { authorization: 'bEARER  reader' })).toMatchObject({ outcome: 'allowed' })
  })
})

describe('a request without a usable token', () => {
  it.each([[{ authorization: '' }], [{ authorization: 'Basic YTpi' }], [{ authorization: 'Bearerreader' }]])(
    'is challenged without an error code when it brings no bearer: %j',
    async (headers) => {
      const decision = await decide(list, headers)
      expect(decision).toMatchObject({ outcome: 'refused', status: 401 })
      expect(challenge(decision)).toBe(`Bearer ${METADATA}, scope="notes:read"`)
      expect(as.requests).toEqual([])
    },
  )

  it('is refused before its body is read', async () => {
    const readBody = () => Promise.reject(new Error('read'))
    const decision = await guard.decide({ headers: new Headers(), query: new URLSearchParams(), readBody })
    expect(decision).toMatchObject({ status: 401 })
  })

  it.each(['Bearer', 'Bearer a b', 'Bearer a"b', 'Bearer =', `Bearer ${'a'.repeat(513)}`, 'Bearer a,b'])(
    'is refused without asking when the token is malformed: %s',
    async (authorization) => {
      const decision = await decide(list, { authorization })
      expect(decision).toMatchObject({ status: 401, body: { error: 'invalid_token' } })
      expect(challenge(decision)).toContain('error="invalid_token"')
      expect(as.requests).toEqual([])
    },
  )

  it('is refused with 400 when the token is in the query, even beside a good header', async () => {
    const decision = await decide(list, {}, 'access_token=reader')
    expect(decision).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    expect(as.requests).toEqual([])
  })

  it.each([
    ['is unknown', undefined],
    ['is for another resource', { aud: 'http://localhost:4001/other' }],
    ['has expired', { exp: 1 }],
  ])('is refused when the token %s', async (_, overrides) => {
    if (overrides) as.tokens.set('other', { tools: ['get_note'], ...overrides })
    const decision = await decide(call('get_note'), { authorization: 'Bearer other' })
    expect(decision).toMatchObject({ outcome: 'refused', status: 401, body: { error: 'invalid_token' } })
  })
})

describe('a call that the token does not open', () => {
  it('is answered 403 with every scope the call needs, in one challenge', async () => {
    as.scopes.set('create_note', 'notes:read notes:write')
    const decision = await decide(call('create_note'))
    expect(decision).toMatchObject({
      status: 403,
      body: { error: { data: { error: 'insufficient_scope' } } },
    })
    expect(challenge(decision)).toMatch(
      /^Bearer error="insufficient_scope", error_description="[^"]+", scope="notes:read notes:write", resource_metadata="/,
    )
  })

  it('of a method that no scope opens is answered 404 on 2026-07-28, and 403 where 404 ends a session', async () => {
    const _meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' }
    const method = { jsonrpc: '2.0', id: 5, method: 'vendor/method' }
    const aud = { aud: RESOURCE, sub: 'ada', client_id: 'c', scope: '', exp: 9_999_999_999 }
    const mcp = { method: method.method, allowed: false, scope: '' }
    as.override = { status: 200, body: JSON.stringify({ active: true, ...aud, mcp }) }
    const modern = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method.method }
    expect(await decide({ ...method, params: { _meta } }, modern)).toMatchObject({
      status: 404,
      body: { jsonrpc: '2.0', id: 5, error: { code: -32601 } },
    })
    const legacy = { 'mcp-protocol-version': '2025-11-25' }
    expect(await decide(method, legacy)).toMatchObject({ status: 403, body: { id: 5 } })
  })

  it('is answered with a JSON-RPC error that has the id of the request; a batch, with one of OAuth', async () => {
    const message = { ...call('create_note'), id: 'a' }
    const error = { code: -32010, message: expect.any(String), data: { error: 'insufficient_scope' } }
    expect(await decide(message)).toMatchObject({ status: 403, body: { jsonrpc: '2.0', id: 'a', error } })
    const batch = await decide([message, message])
    expect(batch).toMatchObject({ status: 403, body: { error: 'insufficient_scope' } })
  })

  it('refuses its whole batch and names the scopes of all of it once', async () => {
    const decision = await decide([
      call('get_note'),
      call('create_note'),
      call('delete_note'),
      call('create_note'),
    ])
    expect(challenge(decision)).toContain('scope="notes:read notes:write notes:delete"')
  })

  it('names no scope when none opens the tool, since stepping up would be in vain', async () => {
    for (const body of [call('format_disk'), [call('create_note'), call('format_disk')]]) {
      const decision = await decide(body)
      expect(decision).toMatchObject({ status: 403 })
      expect(challenge(decision)).not.toContain(' scope=')
    }
  })
})

describe('where fetch is that of Workers', () => {
  it("the authorization server is asked: fetch is nobody's method, and redirect is not error", async () => {
    const fetch = function (this: unknown, url: string | URL | Request, init?: RequestInit) {
      if (this !== undefined) throw new TypeError('Illegal invocation')
      if (init?.redirect === 'error') throw new TypeError('Invalid redirect value')
      return globalThis.fetch(url, init)
    }
    const worker = guardWith({ fetch })
    expect(await decide(call('get_note'), {}, '', worker)).toMatchObject({ outcome: 'allowed' })
    expect(errors).toEqual([])
  })
})

describe('a request whose headers or body are faulty', () => {
  it('is refused with 400 when Mcp-Name names another tool, without asking', async () => {
    expect(await decide(call('get_note'), { 'mcp-name': 'search_notes' })).toMatchObject({
      status: 400,
      body: { id: 1, error: { code: -32020 } },
    })
    expect(as.requests).toEqual([])
  })

  it('never throws and never gets through unasked, whatever JSON it carries', async () => {
    const fetch = async () => Response.json({ active: false })
    const closed = guardWith({ fetch })
    const message = fc.record({
      id: fc.jsonValue(),
      method: fc.string({ unit: 'binary' }),
      params: fc.jsonValue(),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.jsonValue(), message, fc.array(message, { maxLength: 4 })),
        async (body) => {
          const decision = await decide(body, {}, '', closed)
          expect([400, 401]).toContain(decision.outcome === 'refused' && decision.status)
        },
      ),
    )
  })
})

describe('when the authorization server gives no valid answer', () => {
  it.each(['tools', 'prompts', 'resources'])('503: %s that are no list of names', async (kind) => {
    for (const value of [5, 'get_note', [1], {}]) {
      const mcp = { method: 'tools/call', name: 'get_note', allowed: true, scope: '', [kind]: value }
      as.tokens.set('liar', { tools: [], mcp })
      const decision = await decide(call('get_note'), { authorization: 'Bearer liar' })
      expect(decision).toMatchObject({ outcome: 'refused', status: 503 })
    }
  })

  it('what it says without having been asked opens nothing', async () => {
    const response = { jsonrpc: '2.0', id: 1, result: {} }
    for (const tools of [5, ['delete_note']]) {
      as.tokens.set('liar', { tools: [], mcp: { tools } })
      const decision = await decide(response, { authorization: 'Bearer liar' })
      expect(decision).toMatchObject({ outcome: 'allowed', tools: [], auth: { extra: { tools: [] } } })
    }
  })

  const json = (body: unknown, status = 200) => ({ status, body: JSON.stringify(body) })
  const active = { active: true, sub: 'ada', client_id: 'c', scope: '', aud: RESOURCE, exp: 9e9 }
  const mcp = { method: 'tools/call', name: 'get_note', allowed: true, scope: '' }

  it.each([
    ['answers 500', json({}, 500)],
    ['answers 503', json({}, 503)],
    ['answers 400', json({ error: 'invalid_request' }, 400)],
    ['answers no JSON', { status: 200, body: '<html>' }],
    ['answers null', json(null)],
    ['answers without active', json({ ...active, mcp, active: undefined })],
    ['answers active as a string', json({ ...active, mcp, active: 'true' })],
    ['answers without aud', json({ ...active, mcp, aud: undefined })],
    ['answers without exp', json({ ...active, mcp, exp: undefined })],
    ['does not decide what was asked', json(active)],
    ['decides another tool', json({ ...active, mcp: { ...mcp, name: 'search_notes' } })],
    ['decides another method', json({ ...active, mcp: { ...mcp, method: 'ping' } })],
    ['decides with a string', json({ ...active, mcp: { ...mcp, allowed: 'yes' } })],
    ['redirects', { status: 307, body: '', headers: { location: '/elsewhere' } }],
  ])('because it %s, the request is answered 503 and reported', async (_, override) => {
    as.override = override
    const decision = await decide(call('get_note'))
    expect(decision).toMatchObject({ outcome: 'refused', status: 503, headers: { 'retry-after': '1' } })
    expect(errors).toHaveLength(1)
  })

  it('a list without tools is not taken for a list of all', async () => {
    as.override = json({ ...active, mcp: { method: 'tools/list', allowed: true, scope: '' } })
    expect(await decide(list)).toMatchObject({ status: 503 })
  })

  it('one silent answer refuses the whole batch', async () => {
    let asked = 0
    const fetch = async (...[url, init]: Parameters<typeof globalThis.fetch>) => {
      if (++asked === 2) throw new Error('reset')
      return globalThis.fetch(url, init)
    }
    expect(await decide([call('get_note'), list], {}, '', guardWith({ fetch }))).toMatchObject({
      status: 503,
    })
  })

  it('because nothing listens or the wait is over, the request is answered 503', async () => {
    as.override = 'hang'
    expect(await decide(list, {}, '', guardWith({ timeout_ms: 20 }))).toMatchObject({ status: 503 })
    const nowhere = guardWith({ introspection_endpoint: 'http://127.0.0.1:1/introspect' })
    expect(await decide(list, {}, '', nowhere)).toMatchObject({ status: 503 })
  })

  it('because it refused the credentials of the guard, the report says so and holds no secret', async () => {
    as.override = json({ error: 'invalid_client' }, 401)
    expect(await decide(list)).toMatchObject({ status: 503 })
    expect(errors[0]!.message).toContain('check client_id and its secret or key')
    expect(`${errors[0]!.stack}`).not.toContain(RESOURCE_SERVER.client_secret)
    expect(`${errors[0]!.stack}`).not.toContain('reader')
  })
})
