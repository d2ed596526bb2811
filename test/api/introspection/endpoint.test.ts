import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RESOURCE, type Tokens, Toolgate } from '../../support/toolgate.ts'

const OTHER = 'http://localhost:4002/mcp'
const CATALOGUE = `
resources:
  - resource: ${RESOURCE}
    name: Notes
    default_scopes: [notes:read]
    scopes:
      notes:read: { description: Read, tools: [get_note] }
      notes:write: { description: Write, tools: [create_note], includes: [notes:read] }
  - resource: ${OTHER}
    name: Mail
    default_scopes: [mail:read]
    scopes:
      mail:read: { description: Read, tools: [get_mail] }
roles:
  editor: { ${RESOURCE}: [notes:write], ${OTHER}: [mail:read] }
`

let toolgate: Toolgate
let rs: { client_id: string; client_secret: string }
let other: { client_id: string; client_secret: string }
let tokens: Tokens

beforeAll(async () => {
  toolgate = await Toolgate.start({ catalogue: CATALOGUE })
  ;[rs, other] = await Promise.all([toolgate.resourceServer(), toolgate.resourceServer(OTHER)])
  const { person } = await toolgate.account()
  tokens = await toolgate.tokens(person(), (await toolgate.register()).client_id)
})
afterAll(() => toolgate.close())

const asForm = (form: Record<string, string>, headers = {}) => toolgate.post('/introspect', form, headers)
const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})

describe('POST /introspect', () => {
  it('takes HTTP Basic and credentials in the body alike', async () => {
    const token = tokens.access_token
    const [header, body] = await Promise.all([
      asForm({ token }, basic(rs.client_id, rs.client_secret)),
      asForm({ token, ...rs }),
    ])
    expect(await header.json()).toEqual(await body.json())
  })

  it('a resource server of another resource gets the very bytes that an unknown token gets', async () => {
    const answers = await Promise.all([
      asForm({ token: tokens.access_token, client_id: other.client_id, client_secret: other.client_secret }),
      asForm({ token: 'A'.repeat(43), client_id: rs.client_id, client_secret: rs.client_secret }),
      asForm({ token: 'nonsense', client_id: rs.client_id, client_secret: rs.client_secret }),
      asForm({ token: tokens.refresh_token, client_id: rs.client_id, client_secret: rs.client_secret }),
    ])
    const texts = await Promise.all(answers.map(async (answer) => `${answer.status} ${await answer.text()}`))
    expect(new Set(texts)).toEqual(new Set(['200 {"active":false}']))
    const headers = answers.map(({ headers }) =>
      [...headers].filter(([name]) => !['x-request-id', 'date'].includes(name)),
    )
    for (const each of headers) expect(each).toEqual(headers[0])
  })

  it('a wrong secret and an unknown resource server get the same 401 with a challenge', async () => {
    const { access_token: token } = tokens
    const answers = await Promise.all([
      asForm({ token }, basic(rs.client_id, 'wrong')),
      asForm({ token }, basic('rs_nobody', rs.client_secret)),
    ])
    const texts = await Promise.all(answers.map((answer) => answer.text()))
    expect(texts[0]).toBe(texts[1])
    for (const { status, headers } of answers) {
      expect(status).toBe(401)
      expect(headers.get('www-authenticate')).toMatch(/^Basic realm=/)
    }
  })

  it.each<[string, Record<string, string>, string]>([
    ['no token', {}, 'token is missing'],
    ['an empty token', { token: '' }, 'token is missing'],
    ['a name without a method', { token: 'x', mcp_name: 'a' }, 'mcp_name needs mcp_method'],
    [
      'a call without a name',
      { token: 'x', mcp_method: 'tools/call' },
      'mcp_method tools/call needs mcp_name',
    ],
    [
      'a long method',
      { token: 'x', mcp_method: 'm'.repeat(129) },
      'mcp_method is longer than 128 characters',
    ],
    [
      'a long name',
      { token: 'x', mcp_method: 'm', mcp_name: 'n'.repeat(2_049) },
      'mcp_name is longer than 2048',
    ],
  ])('%s is 400 with the reason', async (_, form, reason) => {
    const response = await asForm({ ...form, client_id: rs.client_id, client_secret: rs.client_secret })
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({
      error: 'invalid_request',
      error_description: expect.stringContaining(reason),
    })
  })

  it('authenticating in two ways at once is 400', async () => {
    const twice = { token: 'x', client_id: rs.client_id, client_secret: rs.client_secret }
    const response = await asForm(twice, basic(rs.client_id, rs.client_secret))
    expect([response.status, ((await response.json()) as { error: string }).error]).toEqual([
      400,
      'invalid_request',
    ])
  })

  it('is never cached', async () => {
    for (const form of [{ token: 'x', ...rs }, { token: '' }]) {
      const response = await asForm(form as Record<string, string>)
      expect(response.headers.get('cache-control')).toBe('no-store')
    }
  })

  it('a body over 16 KB is 413, and its rest is not waited for', async () => {
    const response = await asForm({
      token: 'x'.repeat(20_000),
      client_id: rs.client_id,
      client_secret: rs.client_secret,
    })
    expect([response.status, response.headers.get('connection')]).toEqual([413, 'close'])
  })
})
