import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ACTIONS } from '../../../src/actions/index.ts'
import { operatorTools } from '../../../src/api/operator-mcp/tools.ts'
import { Toolgate } from '../../support/toolgate.ts'

let toolgate: Toolgate
let reading: string
let revoking: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  reading = (await toolgate.operatorToken(['operator:read'])).token
  revoking = (await toolgate.operatorToken()).token
})
afterAll(() => toolgate.close())

const METADATA = '/.well-known/oauth-protected-resource/operator/mcp'

/** One message, or several, as they are. */
function send(body: unknown, token = '', more: { query?: string; headers?: Record<string, string> } = {}) {
  return toolgate.fetch(`/operator/mcp${more.query ?? ''}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      ...more.headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

const call = (name: string, args: object = {}) => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name, arguments: args },
})
const list = { jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} }

type Result = { isError?: boolean; content: { text: string }[]; structuredContent?: object; tools: object[] }

/** The result in an answer of either kind. */
async function resultOf(response: Response): Promise<Result> {
  const text = await response.text()
  const json = response.headers.get('content-type')?.startsWith('text/event-stream')
    ? (/^data: (\{.*)$/m.exec(text)?.[1] ?? '')
    : text
  return (JSON.parse(json) as { result: Result }).result
}

describe('the protected resource', () => {
  it('says where its authorization server is (RFC 9728), under its path only', async () => {
    const response = await toolgate.fetch(METADATA)
    expect(await response.json()).toEqual({
      resource: `${toolgate.issuer}/operator/mcp`,
      authorization_servers: [toolgate.issuer],
      scopes_supported: ['operator:read'],
      bearer_methods_supported: ['header'],
      resource_name: 'Toolgate operator',
    })
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect((await toolgate.fetch('/.well-known/oauth-protected-resource')).status).toBe(404)
  })

  it('says so at the root also when the issuer has a path', async () => {
    const below = await Toolgate.start({ path: '/auth' })
    try {
      const url = '/.well-known/oauth-protected-resource/auth/operator/mcp'
      expect(await (await below.fetchAtRoot(url)).json()).toMatchObject({
        resource: `${below.issuer}/operator/mcp`,
      })
      const refused = await below.fetch('/operator/mcp', { method: 'POST' })
      expect(refused.headers.get('www-authenticate')).toContain(url)
    } finally {
      await below.close()
    }
  })

  it.each([
    ['no token', '', 'Bearer resource_metadata="URL", scope="operator:read"'],
    ['an unknown token', 'x'.repeat(43), /^Bearer error="invalid_token".*scope="operator:read"/],
    ['an unknown operator token', `tgo_${'x'.repeat(43)}`, /^Bearer error="invalid_token"/],
    ['what is no token', 'a b', /^Bearer error="invalid_token"/],
  ])('challenges %s, and records it', async (_, token, expected) => {
    const response = await send(list, token)
    expect(response.status).toBe(401)
    const challenge = response.headers.get('www-authenticate')?.replace(toolgate.issuer + METADATA, 'URL')
    expect(challenge).toEqual(typeof expected === 'string' ? expected : expect.stringMatching(expected))
    const request_id = response.headers.get('x-request-id')
    const recorded = await toolgate.db.database
      .knex('audit_events')
      .where({ type: 'operator.refused', request_id })
    expect(recorded).toHaveLength(1)
  })

  it('takes the token from the header only', async () => {
    expect((await send(list, '', { query: `?access_token=${reading}` })).status).toBe(400)
    expect((await send(list, reading, { query: `?access_token=${reading}` })).status).toBe(400)
  })

  it('names every scope that a request needs, also when it asks for several things', async () => {
    const response = await send([call('list_grants'), call('revoke_grant', { id: 'x' })], reading)
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toMatch(
      /error="insufficient_scope".*scope="operator:read operator:revoke"/,
    )
  })

  it('opens nothing that is no tool', async () => {
    const response = await send(call('drop_tables'), revoking)
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([
      403,
      expect.not.stringContaining('scope="'),
    ])
  })

  it.each(['{', '[]', '"x"', '{"jsonrpc":"2.0","id":1}', `${'['.repeat(50)}${']'.repeat(50)}`])(
    'refuses %s with a 4xx, or says that it is nothing',
    async (body) => {
      const { status } = await send(body, reading)
      expect(status).toBeGreaterThanOrEqual(200)
      expect(status).toBeLessThan(500)
    },
  )

  it('refuses headers that say something else than the message', async () => {
    const headers = { 'mcp-method': 'tools/call', 'mcp-name': 'list_grants' }
    expect((await send(call('revoke_grant', { id: 'x' }), revoking, { headers })).status).toBe(400)
  })

  it('has no sessions and no stream of its own', async () => {
    for (const method of ['GET', 'DELETE']) {
      const headers = { authorization: `Bearer ${reading}`, accept: 'text/event-stream' }
      expect((await toolgate.fetch('/operator/mcp', { method, headers })).status).toBe(405)
    }
    expect((await toolgate.fetch('/operator/mcp', { method: 'PUT' })).status).toBe(405)
  })

  it('lets the pages of other origins in, since it trusts no cookie', async () => {
    const preflight = await toolgate.fetch('/operator/mcp', { method: 'OPTIONS' })
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*'])
  })
})

describe('its tools', () => {
  it('are the actions: those that the token opens', async () => {
    const names = async (token: string) => (await resultOf(await send(list, token))).tools
    const shown = (scopes: string[]) =>
      operatorTools().filter(({ name }) =>
        ACTIONS.some((action) => action.name === name && scopes.includes(action.scope)),
      )
    expect(await names(reading)).toEqual(shown(['operator:read']))
    expect(await names(revoking)).toEqual(shown(['operator:read', 'operator:revoke']))
  })

  it.each(ACTIONS.map(({ name, scope }) => [name, scope]))('%s is described as what it is', (name, scope) => {
    const tool = operatorTools().find((each) => each.name === name)
    expect(tool).toMatchObject({
      title: expect.stringMatching(/^[A-Z]/),
      description: expect.stringMatching(/\.$/),
      inputSchema: { type: 'object', additionalProperties: false },
      outputSchema: { type: 'object' },
      annotations: { readOnlyHint: scope === 'operator:read', destructiveHint: scope !== 'operator:read' },
    })
  })

  it('answer with what the API answers, as text and as data', async () => {
    const { person, username } = await toolgate.account()
    await toolgate.tokens(person(), (await toolgate.register()).client_id)
    const answer = await toolgate.fetch(`/operator/api/v1/grants?account=${username}`, {
      headers: { authorization: `Bearer ${reading}` },
    })
    const expected = (await answer.json()) as object
    const result = await resultOf(await send(call('list_grants', { account: username }), reading))
    expect(result.structuredContent).toEqual(expected)
    expect(JSON.parse(result.content[0]!.text)).toEqual(expected)
  })

  it.each([
    ['wrong input', 'list_grants', { limit: 0, nonsense: 1 }, /limit: .*; .*nonsense/],
    ['what does not exist', 'show_grant', { id: 'nothing' }, /nothing/],
    ['a revocation of everything', 'revoke_grants', {}, /./],
  ])('say what is wrong with %s as a result', async (_, name, args, expected) => {
    const response = await send(call(name, args), revoking)
    expect(response.status).toBe(200)
    expect(await resultOf(response)).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(expected) }],
    })
  })

  it('are refused to a token that was revoked since', async () => {
    const { id, token } = await toolgate.operatorToken()
    expect((await send(list, token)).status).toBe(200)
    await toolgate.db.database.knex('operator_tokens').where({ id }).delete()
    expect((await send(list, token)).status).toBe(401)
  })
})
