// Whoever reads the log or the audit log: people paste secrets wherever there is a place for text.
import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leaksIn } from '../support/secret-search.ts'
import { PASSWORD, REDIRECT_URI, RESOURCE, Toolgate } from '../support/toolgate.ts'

let toolgate: Toolgate
let secrets: Map<string, string>
let cookie: string
let rs: { client_id: string; client_secret: string }
let logged = ''

beforeAll(async () => {
  toolgate = await Toolgate.start({
    log: {
      write: (line) => {
        logged += line
      },
    },
    env: { TOOLGATE_REGISTRATION_NEW_CLIENTS_PER_HOUR: '1000' },
  })
  rs = await toolgate.resourceServer()
  const { person, username } = await toolgate.account()
  const client = await toolgate.register({ token_endpoint_auth_method: 'client_secret_post' })
  const { client_id } = await toolgate.register()
  const tokens = await toolgate.tokens(person(), client_id)
  const { code } = await toolgate.authorize(person(), client_id)
  const auditor = await toolgate.account(['auditor'])
  const signed_in = await toolgate.post('/sign-in', { username: auditor.username, password: PASSWORD })
  cookie = signed_in.headers.getSetCookie()[0]?.split(';')[0] ?? ''
  secrets = new Map([
    [tokens.access_token, 'an access token'],
    [tokens.refresh_token, 'a refresh token'],
    [code, 'a code'],
    [client.client_secret ?? '', 'the secret of a client'],
    [rs.client_secret, 'the secret of a resource server'],
    [(await toolgate.personalToken(username)).token, 'a personal access token'],
    [(await toolgate.operatorToken()).token, 'an operator token'],
    [cookie.split('=')[1] ?? '', 'the cookie of a session'],
    [
      `eyJhbGciOiJFUzI1NiJ9.${randomBytes(30).toString('base64url')}.${randomBytes(64).toString('base64url')}`,
      'a JWT',
    ],
  ])
})
afterAll(() => toolgate.close())

type Send = (secret: string) => Promise<unknown>

const authorize = (more: Record<string, string>) => {
  const code_challenge = createHash('sha256').update('verifier').digest('base64url')
  const usual = {
    response_type: 'code',
    client_id: 'cl_unknown',
    redirect_uri: REDIRECT_URI,
    code_challenge,
    code_challenge_method: 'S256',
    resource: RESOURCE,
  }
  return toolgate.fetch(`/authorize?${new URLSearchParams({ ...usual, ...more })}`)
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const json = (body: object, headers: Record<string, string> = {}) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
})

/** By the place of a request, a request with the secret there. */
const PLACES: Record<string, Send> = {
  'an address that nothing answers': (secret) => toolgate.fetch(`/${secret}`),
  'the address of a page, signed out': (secret) => toolgate.fetch(`/operator/audit/story/${secret}`),
  'the address of a page, without the role': (secret) =>
    toolgate.fetch(`/operator/grants/${secret}`, { headers: { cookie, accept: 'text/html' } }),
  'the address of a story': (secret) =>
    toolgate.fetch(`/operator/audit/story/${secret}`, { headers: { cookie, accept: 'text/html' } }),
  'the address of an interaction': (secret) => toolgate.fetch(`/interaction/${secret}`),
  'the address of an authorization': (secret) => toolgate.fetch(`/authorize/${secret}`),
  'an address of the API': (secret) => toolgate.fetch(`/operator/api/v1/audit/trace/${secret}`),
  'an address of the API, with a token that is none': (secret) =>
    toolgate.fetch(`/operator/api/v1/refresh-tokens/${secret}/revoke`, json({}, bearer('x'))),
  'an address below the operator’s MCP server': (secret) => toolgate.fetch(`/operator/mcp/${secret}`),
  'a query': (secret) => toolgate.fetch(`/operator/audit?token_id=${secret}&access_token=${secret}`),
  'a request id': (secret) =>
    toolgate.fetch('/token', { method: 'POST', headers: { 'x-request-id': secret } }),
  'a user agent': (secret) => toolgate.fetch('/', { headers: { 'user-agent': secret } }),
  'a client_id at /authorize': (secret) => authorize({ client_id: secret }),
  'a resource at /authorize': (secret) => authorize({ resource: `https://x.example/${secret}` }),
  'a scope at /authorize': (secret) => authorize({ scope: secret }),
  'a response_type': (secret) => authorize({ response_type: secret }),
  'a client_id at /token': (secret) =>
    toolgate.post('/token', { grant_type: 'refresh_token', client_id: secret, refresh_token: 'x' }),
  'a grant_type': (secret) => toolgate.post('/token', { grant_type: secret, client_id: 'cl_x' }),
  'a resource at /token': (secret) =>
    toolgate.post('/token', {
      grant_type: 'refresh_token',
      client_id: 'cl_x',
      refresh_token: 'x',
      resource: `https://x.example/${secret}`,
    }),
  'a client_id at /revoke': (secret) => toolgate.post('/revoke', { token: 'x', client_id: secret }),
  'a name in Basic': (secret) =>
    toolgate.fetch('/introspect', {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${secret}:x`).toString('base64')}` },
      body: new URLSearchParams({ token: 'x' }),
    }),
  'a client_id at /introspect': (secret) =>
    toolgate.post('/introspect', { token: 'x', client_id: secret, client_secret: 'x' }),
  'the name of a tool': (secret) =>
    toolgate.introspect(rs, [...secrets.keys()][0] ?? '', { mcp_method: 'tools/call', mcp_name: secret }),
  'a method': (secret) => toolgate.post('/introspect', { ...rs, token: 'x', mcp_method: `x/${secret}` }),
  'the name of a client': (secret) =>
    toolgate.fetch('/register', json({ client_name: `${secret}`, redirect_uris: [REDIRECT_URI] })),
  'a redirect URI that is refused': (secret) =>
    toolgate.fetch('/register', json({ client_name: 'x', redirect_uris: [`http://x.example/${secret}`] })),
  'a reason of an operator': async (secret) => {
    const { token } = await toolgate.operatorToken()
    await toolgate.fetch(
      '/operator/api/v1/grants/revoke',
      json({ client_id: 'cl_x', reason: `leaked ${secret}` }, bearer(token)),
    )
    await toolgate.fetch('/operator/api/v1/audit/story', json({ id: secret }, bearer(token)))
  },
}

describe('a secret that was pasted', () => {
  it.each(Object.entries(PLACES))('into %s is neither in the log nor in the audit log', async (_, send) => {
    for (const secret of secrets.keys()) await send(secret)
    const { rows } = await toolgate.db.database.knex.raw('select to_jsonb(e) as row from audit_events e')
    const audited = rows.map(({ row }: { row: object }) => JSON.stringify(row)).join('\n')
    expect(leaksIn(audited, secrets)).toEqual([])
    expect(leaksIn(logged, secrets)).toEqual([])
  })
})
