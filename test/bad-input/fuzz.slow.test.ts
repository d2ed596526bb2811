import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectClear, unclear } from '../support/hostile.ts'
import { REDIRECT_URI, RESOURCE, Toolgate } from '../support/toolgate.ts'

/** Whatever is sent, the answer is 2xx, 3xx or a 4xx that says why; afterwards everything still works. */
const BUDGET = { numRuns: 100_000, interruptAfterTimeLimit: 6_000, markInterruptAsFailure: false }

let toolgate: Toolgate
let known: string[]
let operator: string

beforeAll(async () => {
  toolgate = await Toolgate.start({ env: { TOOLGATE_REGISTRATION_NEW_CLIENTS_PER_HOUR: '1000000' } })
  const { client_id } = await toolgate.register()
  const rs = await toolgate.resourceServer()
  operator = `Bearer ${(await toolgate.operatorToken()).token}`
  known = [client_id, rs.client_id, rs.client_secret, RESOURCE, REDIRECT_URI, 'S256', 'A'.repeat(43)]
})
afterAll(() => toolgate.close())

const PATHS = [
  '/authorize',
  '/authorize/x',
  '/token',
  '/register',
  '/revoke',
  '/introspect',
  '/jwks',
  '/.well-known/oauth-authorization-server',
  '/interaction/x',
  '/interaction/x/login',
  '/operator/api/v1/grants',
  '/operator/api/v1/grants/revoke',
  '/operator/api/v1/refresh-tokens/x/revoke',
  '/healthz',
]
const NAMES = [
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
  'code',
  'code_verifier',
  'code_challenge',
  'code_challenge_method',
  'redirect_uri',
  'redirect_uris',
  'response_type',
  'response_mode',
  'grant_type',
  'refresh_token',
  'token',
  'token_type_hint',
  'scope',
  'resource',
  'state',
  'prompt',
  'max_age',
  'id_token_hint',
  'claims',
  'request',
  'request_uri',
  'registration',
  'mcp_method',
  'mcp_name',
  'account',
  'limit',
  'before',
  'reason',
  'jwks',
  'contacts',
  'logo_uri',
  'client_name',
  'token_endpoint_auth_method',
]
const WORDS = [
  'code',
  'none',
  'login',
  'consent',
  'query',
  'fragment',
  'form_post',
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  'eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.',
  'notes:read',
  'offline_access',
  'openid',
  'tools/call',
  'tools/list',
  'private_key_jwt',
  '\0',
  '\u202e',
  '__proto__',
]

const text = fc.oneof(
  fc.constantFrom(...WORDS),
  fc.nat(6).map((index) => known[index] ?? ''),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 40 }),
)
const name = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...NAMES) }, { weight: 1, arbitrary: text })
const encoded = fc.oneof(
  { weight: 8, arbitrary: text.map((value) => encodeURIComponent(value.toWellFormed())) },
  { weight: 1, arbitrary: text.map((value) => value.replace(/[^!-~]/g, '%')) },
  { weight: 1, arbitrary: fc.constantFrom('%00', '%ED%A0%80', '%', '%zz', '%FF', '+', '') },
)
const pairs = fc
  .array(fc.tuple(name, encoded), { maxLength: 10 })
  .map((all) => all.map(([key, value]) => `${encodeURIComponent(key.toWellFormed())}=${value}`).join('&'))
const authorization = fc.oneof(
  fc.constant(''),
  fc.nat(0).map(() => operator),
  text.map((value) => `Bearer ${value.replace(/[^!-~]/g, '')}`),
  fc
    .string({ unit: 'binary', maxLength: 30 })
    .map((value) => `Basic ${Buffer.from(value).toString('base64')}`),
  fc.tuple(fc.nat(6), text).map(([index, secret]) => {
    return `Basic ${Buffer.from(`${encodeURIComponent(known[index] ?? '')}:${secret}`).toString('base64')}`
  }),
  fc.constantFrom('Basic', 'Basic =', 'Basic %%%', 'Bearer', 'Bearer a b', 'Digest x', 'basic Og=='),
)
const accept = fc.constantFrom('', 'text/html', 'application/json', '*/*;q=x')
const json = fc.oneof(
  fc.json({ maxDepth: 6 }),
  fc
    .dictionary(name, fc.oneof(fc.jsonValue({ maxDepth: 3 }), text, fc.array(text)))
    .map((value) => JSON.stringify(value)),
)

async function expectClearFor(path: string, init: Parameters<Toolgate['fetch']>[1]): Promise<void> {
  await expectClear(await toolgate.fetch(path, init), { path, init })
}

describe('whatever is sent', () => {
  it('as a query is answered clearly', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...PATHS),
        pairs,
        authorization,
        accept,
        async (path, query, who, wants) => {
          await expectClearFor(`${path}?${query}`, { headers: { authorization: who, accept: wants } })
        },
      ),
      BUDGET,
    )
  })

  it('as a form is answered clearly', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...PATHS), pairs, authorization, async (path, body, who) => {
        const headers = { authorization: who, 'content-type': 'application/x-www-form-urlencoded' }
        await expectClearFor(path, { method: 'POST', body, headers })
      }),
      BUDGET,
    )
  })

  it('as JSON is answered clearly', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...PATHS), json, authorization, async (path, body, who) => {
        const headers = { authorization: who, 'content-type': 'application/json' }
        await expectClearFor(path, { method: 'POST', body, headers })
      }),
      BUDGET,
    )
  })

  it('as bytes on the line is answered clearly, or the connection is closed', async () => {
    const target = fc.oneof(
      fc.constantFrom(...PATHS),
      text.map((value) => `/${value}`),
    )
    const line = fc.string({ unit: 'binary', maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(
        target,
        fc.array(line, { maxLength: 4 }),
        fc.uint8Array({ maxLength: 80 }),
        async (path, headers, body) => {
          const host = new URL(toolgate.issuer).host
          const head = [
            `POST ${path} HTTP/1.1`,
            `Host: ${host}`,
            'Connection: close',
            `Content-Length: ${body.length}`,
          ]
          const socket = connect(toolgate.port, '127.0.0.1')
          let answer = ''
          socket.setEncoding('latin1').on('data', (data) => {
            answer += data
          })
          socket.on('error', () => {})
          socket.end(Buffer.concat([Buffer.from([...head, ...headers, '', ''].join('\r\n'), 'latin1'), body]))
          await once(socket, 'close')
          const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 400)
          const [top = '', content = ''] = answer.split(/\r\n\r\n(.*)/s)
          const type = /^content-type: (.*)$/im.exec(top)?.[1]
          expect(
            type === undefined ? status < 500 : unclear(status, type, content) === undefined,
            answer,
          ).toBe(true)
        },
      ),
      { ...BUDGET, interruptAfterTimeLimit: 3_000 },
    )
  })

  it('afterwards a person signs in, a token is refreshed, and a tool is decided', async () => {
    const { person } = await toolgate.account()
    const { client_id } = await toolgate.register()
    const { refresh_token } = await toolgate.tokens(person(), client_id)
    const refreshed = (await (await toolgate.refresh(client_id, refresh_token)).json()) as {
      access_token: string
    }
    const rs = await toolgate.resourceServer()
    const asked = { mcp_method: 'tools/call', mcp_name: 'create_note' }
    expect(await toolgate.introspect(rs, refreshed.access_token, asked)).toMatchObject({
      active: true,
      mcp: { allowed: true },
    })
  })
})
