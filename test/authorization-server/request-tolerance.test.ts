import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { REDIRECT_URI, RESOURCE, type Tokens, Toolgate } from '../support/toolgate.ts'

/** What clients get wrong and what is done about it before the engine sees it. */
let toolgate: Toolgate
let client_id: string
let person: Awaited<ReturnType<Toolgate['account']>>['person']

beforeAll(async () => {
  toolgate = await Toolgate.start()
  client_id = (await toolgate.register()).client_id
  person = (await toolgate.account()).person
})
afterAll(() => toolgate.close())

const granted = async (parameters: Record<string, string>) =>
  (await toolgate.tokens(person(), client_id, parameters)).scope

/** The error that an authorization request comes back with, or 'none' when it goes on to the pages. */
async function authorizationError(parameters: [string, string][]): Promise<string> {
  const query = new URLSearchParams([
    ['response_type', 'code'],
    ['client_id', client_id],
    ['redirect_uri', REDIRECT_URI],
    ['code_challenge', 'c'.repeat(43)],
    ['code_challenge_method', 'S256'],
    ...parameters,
  ])
  const response = await toolgate.fetch(`/authorize?${query}`)
  const location = new URL(response.headers.get('location') ?? '', toolgate.issuer)
  return (
    location.searchParams.get('error') ?? (location.pathname.startsWith('/interaction/') ? 'none' : 'lost')
  )
}

describe('resource', () => {
  it.each(['HTTP://LOCALHOST:4001/mcp', 'http://LocalHost:4001/mcp'])(
    '%s is the one it means',
    async (resource) => {
      const tokens = await toolgate.tokens(person(), client_id, { resource })
      const rs = await toolgate.resourceServer()
      expect(await toolgate.introspect(rs, tokens.access_token)).toMatchObject({
        active: true,
        aud: RESOURCE,
      })
    },
  )

  it('that is missing or empty is the only one there is', async () => {
    expect(await authorizationError([])).toBe('none')
    expect(await authorizationError([['resource', '']])).toBe('none')
  })

  it('given twice in two spellings is one; two different ones are refused', async () => {
    expect(
      await authorizationError([
        ['resource', RESOURCE],
        ['resource', 'HTTP://localhost:4001/mcp'],
      ]),
    ).toBe('none')
    expect(
      await authorizationError([
        ['resource', RESOURCE],
        ['resource', 'https://other.example/'],
      ]),
    ).toBe('invalid_target')
  })

  it.each([
    'https://unknown.example/mcp',
    'http://localhost:4001/mcp/',
    'http://localhost:4001/MCP',
    'x',
    `${RESOURCE}#f`,
  ])('%s is not known', async (resource) => {
    expect(await authorizationError([['resource', resource]])).toBe('invalid_target')
  })
})

describe('scope', () => {
  it('that is missing, or has nothing known in it, means the default scopes', async () => {
    expect(await granted({ scope: '' })).toBe('notes:read')
    expect(await granted({ scope: 'mcp:all offline_access' })).toBe('notes:read')
  })

  it('loses what nobody knows and what is said twice, whatever stands between the words', async () => {
    expect(await granted({ scope: '  notes:write\tnotes:write offline_access ' })).toBe('notes:write')
  })

  it('given twice is refused, as any other doubled parameter', async () => {
    expect(
      await authorizationError([
        ['scope', 'notes:read'],
        ['scope', 'notes:write'],
      ]),
    ).toBe('invalid_request')
  })
})

describe('a refresh', () => {
  const refreshed = async (refresh_token: string, more: Record<string, string>) =>
    (await (await toolgate.refresh(client_id, refresh_token, more)).json()) as Tokens & { error?: string }

  it('takes the resource in any spelling, and the scopes that are left of what it asks for', async () => {
    const { refresh_token } = await toolgate.tokens(person(), client_id)
    const more = { resource: 'HTTP://LOCALHOST:4001/mcp', scope: 'notes:read profile offline_access' }
    expect(await refreshed(refresh_token, more)).toMatchObject({ scope: 'notes:read' })
  })

  it('with nothing known in its scope gets what the grant has', async () => {
    const { refresh_token, scope } = await toolgate.tokens(person(), client_id)
    expect(await refreshed(refresh_token, { scope: 'profile' })).toMatchObject({ scope })
  })
})

describe('a body', () => {
  it('with parameters nobody knows is read without them', async () => {
    const { refresh_token } = await toolgate.tokens(person(), client_id)
    const more = { __proto__: 'x', audience: 'https://x.example', empty: '', 'a[b]': 'c' }
    expect((await toolgate.refresh(client_id, refresh_token, more)).status).toBe(200)
  })

  it('a registration that is no object is refused in the words of RFC 7591', async () => {
    for (const body of ['[]', 'null', '"x"', '7']) {
      const headers = { 'content-type': 'application/json' }
      const response = await toolgate.fetch('/register', { method: 'POST', headers, body })
      expect([response.status, await response.json()]).toEqual([
        400,
        {
          error: 'invalid_client_metadata',
          error_description: 'The registration request must be a JSON object',
        },
      ])
    }
  })
})
