import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { grantOf, liveRefreshTokens } from '../support/families.ts'
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

describe('offline_access', () => {
  it('is taken and means nothing, wherever it stands: every client gets a refresh token and its scope', async () => {
    const registered = await toolgate.register({ scope: 'notes:read offline_access', client_name: 'Offline' })
    expect(registered).not.toHaveProperty('scope')
    const scope = 'openid email offline_access profile notes:read'
    const { code, code_verifier } = await toolgate.authorize(person(), registered.client_id, {
      scope,
      prompt: 'consent',
    })
    const answer = await toolgate.redeem(registered.client_id, code, code_verifier, { scope })
    const tokens = (await answer.json()) as Tokens
    expect(tokens).toMatchObject({ scope: 'notes:read', refresh_token: expect.any(String) })
    expect(tokens).not.toHaveProperty('id_token')
    for (const sent of ['notes:read offline_access', 'offline_access', 'claudeai ', '']) {
      const { refresh_token } = tokens
      const refreshed = await toolgate.refresh(registered.client_id, refresh_token, { scope: sent })
      Object.assign(tokens, await refreshed.json())
      expect([refreshed.status, tokens.scope]).toEqual([200, 'notes:read'])
      expect(tokens.refresh_token).not.toBe(refresh_token)
    }
  })

  it('is not advertised', async () => {
    const document = await toolgate.fetch('/.well-known/oauth-authorization-server')
    expect(JSON.stringify(await document.json())).not.toContain('offline_access')
  })
})

it.each(['claudeai', 'claudeai ', ' claudeai', 'claudeai notes:read'])(
  'the scope %j of a hosted client connects, and the granted scope is told',
  async (scope) => {
    expect(await granted({ scope })).toBe('notes:read')
  },
)

describe('with several resources', () => {
  const CALENDAR = 'https://calendar.example'
  const calendar = `  - resource: ${CALENDAR}
    name: Calendar
    default_scopes: [calendar:read]
    scopes:
      calendar:read: { description: Read your calendar, tools: [list_events] }
`
  let several: Toolgate
  let app: string
  let planner: Awaited<ReturnType<Toolgate['account']>>['person']

  beforeAll(async () => {
    const catalogue = readFileSync('catalogue.yaml', 'utf8').replace(
      /^roles:/m,
      `${calendar}\nroles:\n  planner: { ${CALENDAR}: ['calendar:read'] }`,
    )
    several = await Toolgate.start({ catalogue })
    app = (await several.register()).client_id
    planner = (await several.account(['planner', 'editor'])).person
  })
  afterAll(() => several.close())

  it('a request that names none is refused with the choices', async () => {
    for (const sent of [{}, { resource: '' }]) {
      const { callback } = await several.authorize(planner(), app, { resource: '', scope: '', ...sent })
      expect(callback.searchParams.get('error')).toBe('invalid_target')
      expect(callback.searchParams.get('error_description')).toContain(`${RESOURCE} ${CALENDAR}`)
    }
  })

  it.each([CALENDAR, `${CALENDAR}/`, `${CALENDAR}:443`, 'HTTPS://Calendar.EXAMPLE:443/'])(
    '%s is the calendar on every request of the flow, as is leaving it out after the first',
    async (resource) => {
      const credentials = await several.resourceServer(CALENDAR)
      const { code, code_verifier } = await several.authorize(planner(), app, { resource, scope: '' })
      const answer = await several.redeem(app, code, code_verifier, { resource })
      let tokens = (await answer.json()) as Tokens
      expect(tokens.scope).toBe('calendar:read')
      for (const more of [{ resource }, {}, { resource: `${CALENDAR}/` }]) {
        const refreshed = await several.refresh(app, tokens.refresh_token, more as Record<string, string>)
        tokens = (await refreshed.json()) as Tokens
        expect(await several.introspect(credentials, tokens.access_token)).toMatchObject({
          active: true,
          aud: CALENDAR,
          scope: 'calendar:read',
        })
      }
    },
  )

  it('left out at the token endpoint, it is the one of the grant', async () => {
    const credentials = await several.resourceServer(CALENDAR)
    const tokens = await several.tokens(planner(), app, { resource: CALENDAR, scope: 'calendar:read' })
    expect(await several.introspect(credentials, tokens.access_token)).toMatchObject({ aud: CALENDAR })
  })

  it.each(['https://unknown.example/', RESOURCE, 'x', `${CALENDAR}/other`])(
    'a refresh for %s is refused, and the token is not spent',
    async (resource) => {
      const { refresh_token } = await several.tokens(planner(), app, { resource: CALENDAR, scope: '' })
      const refused = await several.refresh(app, refresh_token, { resource })
      expect([refused.status, await refused.json()]).toMatchObject([400, { error: 'invalid_target' }])
      const grant_id = await grantOf(several, refresh_token)
      expect(await liveRefreshTokens(several, grant_id)).toBe(1)
      const answer = await several.refresh(app, refresh_token)
      expect([answer.status, await answer.json()]).toMatchObject([200, { scope: 'calendar:read' }])
    },
  )
})

describe('a body', () => {
  it('with parameters nobody knows is read without them', async () => {
    const { refresh_token } = await toolgate.tokens(person(), client_id)
    const more = { __proto__: 'x', audience: 'https://x.example', empty: '', 'a[b]': 'c' }
    expect((await toolgate.refresh(client_id, refresh_token, more)).status).toBe(200)
  })
})
