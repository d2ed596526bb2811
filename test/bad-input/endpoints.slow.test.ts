import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addResourceServerWithKeys } from '../../src/clients/resource-servers/resource-servers.ts'
import { asserting, assertion, jwksOf, testKey } from '../support/assertions.ts'
import {
  type Endpoint,
  expectClear,
  goodPairs,
  isRefused,
  type Request,
  requestOf,
} from '../support/hostile.ts'
import { TEST } from '../support/origins.ts'
import { REDIRECT_URI, RESOURCE, Toolgate } from '../support/toolgate.ts'

/** Every endpoint × everything that may be wrong with a request: a clear 4xx, never a 500. */
let toolgate: Toolgate
let endpoints: Record<string, Endpoint>

const PAIR = { code_verifier: 'v'.repeat(43), code_challenge: 'c'.repeat(43) }
const WELL_SHAPED = 'A'.repeat(43)

const NAMES = [
  'GET /authorize',
  'POST /token with a code',
  'POST /token with a refresh token',
  'POST /revoke',
  'POST /register',
  'POST /introspect',
  'POST /introspect with an assertion',
  'GET /operator/api/v1/grants',
  'GET /operator/api/v1/refresh-tokens',
  'POST /operator/api/v1/grants/revoke',
  'POST /interaction/:uid/login',
] as const

beforeAll(async () => {
  toolgate = await Toolgate.start()
  const { client_id } = await toolgate.register()
  const { token } = await toolgate.operatorToken()
  const rs = await toolgate.resourceServer()
  const key = testKey()
  const signing = { id: 'signing', resource: RESOURCE, jwks: jwksOf(key) }
  await addResourceServerWithKeys(toolgate.dependencies, signing, TEST)
  const operator = { authorization: `Bearer ${token}` }
  const code = { client_id, code: WELL_SHAPED, code_verifier: PAIR.code_verifier, redirect_uri: REDIRECT_URI }
  const all: Omit<Endpoint, 'name'>[] = [
    {
      method: 'GET',
      path: '/authorize',
      carries: 'query',
      parameters: {
        response_type: 'code',
        client_id,
        redirect_uri: REDIRECT_URI,
        code_challenge: PAIR.code_challenge,
        code_challenge_method: 'S256',
        state: 'x',
        scope: 'notes:read',
        resource: RESOURCE,
        prompt: 'login',
        ui_locales: 'de',
        login_hint: 'kim',
      },
    },
    {
      method: 'POST',
      path: '/token',
      carries: 'form',
      parameters: { grant_type: 'authorization_code', ...code },
    },
    {
      method: 'POST',
      path: '/token',
      carries: 'form',
      parameters: {
        grant_type: 'refresh_token',
        client_id,
        refresh_token: WELL_SHAPED,
        scope: 'notes:read',
        resource: RESOURCE,
      },
    },
    {
      method: 'POST',
      path: '/revoke',
      carries: 'form',
      parameters: { client_id, token: WELL_SHAPED, token_type_hint: 'refresh_token' },
    },
    {
      method: 'POST',
      path: '/register',
      carries: 'json',
      parameters: {
        redirect_uris: JSON.stringify([REDIRECT_URI]),
        client_name: '"App"',
        client_uri: '"https://app.example"',
        contacts: '["a@app.example"]',
        token_endpoint_auth_method: '"none"',
        software_id: '"app"',
        scope: '"notes:read"',
      },
    },
    {
      method: 'POST',
      path: '/introspect',
      carries: 'form',
      parameters: {
        client_id: rs.client_id,
        client_secret: rs.client_secret,
        token: WELL_SHAPED,
        mcp_method: 'tools/call',
        mcp_name: 'get_note',
      },
    },
    {
      method: 'POST',
      path: '/introspect',
      carries: 'form',
      parameters: {
        ...asserting(assertion(key, { id: 'signing', aud: toolgate.issuer })),
        client_id: 'signing',
        token: WELL_SHAPED,
        mcp_method: 'tools/call',
        mcp_name: 'get_note',
      },
    },
    {
      method: 'GET',
      path: '/operator/api/v1/grants',
      carries: 'query',
      headers: operator,
      parameters: { account: 'kim', client_id, resource: RESOURCE, limit: '10' },
    },
    {
      method: 'GET',
      path: '/operator/api/v1/refresh-tokens',
      carries: 'query',
      headers: operator,
      parameters: { account: 'kim', limit: '10' },
    },
    {
      method: 'POST',
      path: '/operator/api/v1/grants/revoke',
      carries: 'json',
      headers: operator,
      parameters: { account: '"nobody"', reason: '"because"' },
    },
    {
      method: 'POST',
      path: `/interaction/${WELL_SHAPED}/login`,
      carries: 'form',
      parameters: { csrf: 'x', username: 'kim', password: 'secret' },
    },
  ]
  endpoints = Object.fromEntries(
    all.map((endpoint, index) => [NAMES[index], { ...endpoint, name: NAMES[index]! }]),
  )
})
afterAll(() => toolgate.close())

async function ask(request: Request): Promise<Response> {
  const response = await toolgate.fetch(request.path, request.init)
  await expectClear(response.clone(), request)
  return response
}

const GOOD = {
  'GET /authorize': /^303 \/interaction\//,
  // Well-shaped, and nobody's: refused for that and for nothing before it.
  'POST /token with a code': /^400 \{"error":"invalid_grant"/,
  'POST /token with a refresh token': /^400 \{"error":"invalid_grant"/,
  'POST /revoke': /^200 $/,
  'POST /register': /^201 /,
  'POST /introspect': /^200 \{"active":false\}$/,
  'POST /introspect with an assertion': /^200 \{"active":false\}$/,
  'GET /operator/api/v1/grants': /^200 /,
  'GET /operator/api/v1/refresh-tokens': /^200 /,
  'POST /operator/api/v1/grants/revoke': /^200 /,
  'POST /interaction/:uid/login': /^404 .*has ended or belongs to another browser/,
} satisfies Record<(typeof NAMES)[number], RegExp>

/** One request for each parameter, with this text in place of its value. */
async function replaceEach(
  endpoint: Endpoint,
  text: string,
): Promise<{ parameter: string; response: Response }[]> {
  const pairs = goodPairs(endpoint)
  const answers = []
  for (const [parameter] of pairs) {
    const changed = pairs.map(([name, value]) => [name, name === parameter ? text : value] as const)
    answers.push({ parameter, response: await ask(requestOf(endpoint, changed)) })
  }
  return answers
}

/** Values as they stand in a query or form, and in JSON. */
const VALUES: [what: string, encoded: string, json: string][] = [
  ['nothing', '', '""'],
  ['half of a character', '%ED%A0%80', '"\\ud800"'],
  ['bytes that are no UTF-8', '%FF%FE', '"\\udfff\\ud800"'],
  ['a percent sign alone', '%', '"%"'],
  ['a wrong percent-encoding', '%zz', '"%zz"'],
  ['5,000 characters', 'x'.repeat(5_000), JSON.stringify('x'.repeat(5_000))],
  ['line ends', 'a%0D%0ASet-Cookie:%20a=b', '"a\\r\\nSet-Cookie: a=b"'],
  ['markup', '%3Cscript%3Ealert(1)%3C/script%3E', '"<script>alert(1)</script>"'],
  ['SQL', "'%20or%201=1;--", '"\' or 1=1;--"'],
  ['a number out of range', '99999999999999999999', '1e400'],
  ['a negative number', '-1', '-1'],
  ['an object', '%7B%22a%22:1%7D', '{"a":{"b":[1]}}'],
  ['null', 'null', 'null'],
  ['a list of mixed things', '%5Bnull,1%5D', '[null,1,{"a":[]},"x"]'],
  ['__proto__', '__proto__', '{"constructor":{"prototype":{}}}'],
  ['direction marks', '%E2%80%AEevil', '"\\u202eevil"'],
  ['a URL of another kind', 'javascript:alert(1)', '"javascript:alert(1)"'],
]

describe.each(NAMES)('%s', (name) => {
  it('the request that is changed here is a good one', async () => {
    const endpoint = endpoints[name]!
    const response = await ask(requestOf(endpoint, goodPairs(endpoint)))
    const answer = `${response.status} ${response.headers.get('location') ?? ''}${await response.text()}`
    expect(answer).toMatch(GOOD[name])
  })

  it.each(VALUES)('answers clearly to %s in any parameter', async (_, encoded, json) => {
    const endpoint = endpoints[name]!
    await replaceEach(endpoint, endpoint.carries === 'json' ? json : encoded)
  })

  it('refuses a NUL in any parameter', async () => {
    const endpoint = endpoints[name]!
    const answers = await replaceEach(endpoint, endpoint.carries === 'json' ? '"a\\u0000b"' : 'a%00b')
    expect(answers.filter(({ response }) => !isRefused(response)).map((each) => each.parameter)).toEqual([])
  })

  it('answers clearly when any parameter is left out, and to parameters nobody knows', async () => {
    const endpoint = endpoints[name]!
    const pairs = goodPairs(endpoint)
    for (const [left_out] of pairs)
      await ask(
        requestOf(
          endpoint,
          pairs.filter(([each]) => each !== left_out),
        ),
      )
    const unknown = endpoint.carries === 'json' ? '{"a":[]}' : 'x'
    for (const odd of ['__proto__', 'constructor', 'toString', 'a[b][c]', 'a[]', '%00', ''])
      await ask(requestOf(endpoint, [...pairs, [odd, unknown]]))
  })

  it('refuses a parameter that is given twice', async () => {
    const endpoint = endpoints[name]!
    if (endpoint.carries === 'json') return
    const pairs = goodPairs(endpoint)
    const passed: string[] = []
    for (const pair of pairs) {
      const [parameter, value] = pair
      const response = await ask(requestOf(endpoint, [...pairs, [parameter, `${value}x`]]))
      if (!isRefused(response)) passed.push(parameter)
    }
    expect(passed).toEqual([])
  })

  it('answers clearly to garbage in cookies and other headers', async () => {
    const endpoint = endpoints[name]!
    const { path, init } = requestOf(endpoint, goodPairs(endpoint))
    for (const headers of HEADERS)
      await ask({ path, init: { ...init, headers: { ...init.headers, ...headers } } })
  })

  it('refuses a body that is not what it says', async () => {
    const endpoint = endpoints[name]!
    if (endpoint.carries === 'query') return
    const { path, init } = requestOf(endpoint, goodPairs(endpoint))
    const passed: string[] = []
    for (const [what, change] of Object.entries(BODIES)) {
      const { body = init.body, headers = {} } = change
      const sent = { ...init, headers: { ...init.headers, ...headers }, body: body ?? '' }
      if (!isRefused(await ask({ path, init: sent }))) passed.push(what)
    }
    expect(passed).toEqual([])
  })
})

const SESSION = 'toolgate_session'
const HEADERS: Record<string, string>[] = [
  { cookie: `${SESSION}=; ${SESSION}.sig=` },
  { cookie: `${SESSION}=\xff\xfe; ${SESSION}.sig=${'x'.repeat(27)}` },
  {
    cookie: `${SESSION}=%00%ED%A0%80; ${SESSION}.sig=%; toolgate_interaction=../../x; toolgate_resume=__proto__`,
  },
  { cookie: ';;;===;=;__proto__=1; toString=x' },
  { cookie: `a=${'x'.repeat(8_000)}` },
  { accept: ';;q=,,*' },
  { accept: 'text/html;q=abc, */*;q=-1' },
  { 'x-request-id': '../../etc/passwd\t<script>' },
  { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'gopher', 'x-forwarded-for': "'; drop table x" },
  { origin: 'null' },
  { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
  { 'if-none-match': '*', range: 'bytes=9-1' },
]

const DEEP = `${'['.repeat(5_000)}${']'.repeat(5_000)}`
const BODIES: Record<string, { body?: string | Buffer; headers?: Record<string, string> }> = {
  'plain text': { headers: { 'content-type': 'text/plain' } },
  multipart: { headers: { 'content-type': 'multipart/form-data; boundary=x' } },
  'no type': { headers: { 'content-type': '' } },
  'another charset': { headers: { 'content-type': 'application/json; charset=utf-16' } },
  compressed: { headers: { 'content-encoding': 'gzip' } },
  'a megabyte': { body: `a=${'x'.repeat(1_000_000)}` },
  'no UTF-8': { body: Buffer.from([0x61, 0x3d, 0xff, 0xfe]) },
  'half a character': { body: Buffer.from([0x61, 0x3d, 0xe2, 0x82]) },
  'a raw NUL': { body: 'a=\0' },
  'deep JSON': { body: DEEP },
  'deep objects': { body: `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}` },
  'half of a JSON object': { body: '{"redirect_uris":["http' },
  'a JSON list': { body: '[]' },
  'JSON null': { body: 'null' },
  'a JSON text': { body: '"x"' },
  'a JSON member __proto__': { body: '{"__proto__":{"redirect_uris":["https://a.example"]}}' },
  nothing: { body: '' },
}
