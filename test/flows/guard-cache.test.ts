import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type NotesServer, startNotesServer } from '../../examples/notes-server/server.ts'
import { changeAccount } from '../../src/accounts/accounts.ts'
import { parseCatalogue } from '../../src/catalogue/catalogue-file.ts'
import { CatalogueCache } from '../../src/catalogue/catalogue-store.ts'
import { blockClient } from '../../src/clients/client-blocks.ts'
import {
  addResourceServer,
  rotateResourceServerSecret,
} from '../../src/clients/resource-servers/resource-servers.ts'
import { revokeConnectedApp } from '../../src/grants/connected-apps.ts'
import { revokeGrants } from '../../src/grants/grants.ts'
import { narrowGrant } from '../../src/grants/narrowing.ts'
import { type CallReport, createGuard, type Guard, type GuardOptions } from '../../src/guard/index.ts'
import { changeCatalogue } from '../../src/holders/catalogue-change.ts'
import {
  createPersonalToken,
  revokePersonalToken,
  rotatePersonalToken,
} from '../../src/personal-tokens/personal-access-tokens.ts'
import { grantOf, passGrace } from '../support/families.ts'
import { freePort } from '../support/free-port.ts'
import { TEST } from '../support/origins.ts'
import { type SecondInstance, startSecondInstance } from '../support/second-instance.ts'
import { send } from '../support/send.ts'
import { type Tokens, Toolgate } from '../support/toolgate.ts'
import { audited } from '../support/with-notes.ts'

/** Search and reading are opened by scopes of their own, so that one can be taken away. */
function catalogueFor(resource: string, search_tools = 'search_notes'): string {
  return `
resources:
  - resource: ${resource}
    name: Notes
    default_scopes: ['notes:read']
    scopes:
      notes:read: { description: Read, tools: [get_note], risk: read_only }
      notes:search: { description: Search, tools: [${search_tools}], risk: read_only }
      notes:write: { description: Write, tools: [create_note, update_note] }
      notes:delete: { description: Delete, tools: [delete_note], risk: destructive }
roles:
  editor: { ${resource}: ['notes:read', 'notes:search', 'notes:write', 'notes:delete'] }
  reader: { ${resource}: ['notes:read'] }
`
}

const SCOPE = 'notes:read notes:search notes:write notes:delete'

let toolgate: Toolgate
/** Where things are taken away; the guards listen to the first instance. */
let second: SecondInstance
let notes: NotesServer
let resource: string
let reports: CallReport[]
let operator: { token: string }

const recorder = {
  record: async (made: readonly CallReport[]) => void reports.push(...made),
  close: async () => {},
}
const cache = { max_age_seconds: 3_600, recorder }

async function startNotes(options: Partial<GuardOptions> = {}): Promise<NotesServer> {
  const { client_id, client_secret } = await toolgate.resourceServer(resource)
  const port = options.resource ? 0 : Number(new URL(resource).port)
  return startNotesServer({
    port,
    issuer: toolgate.issuer,
    client_id,
    client_secret,
    cache,
    resource,
    ...(options as object),
  })
}

beforeAll(async () => {
  reports = []
  resource = `http://localhost:${await freePort()}/mcp`
  toolgate = await Toolgate.start({ catalogue: catalogueFor(resource) })
  second = await startSecondInstance(toolgate)
  operator = await toolgate.operatorToken()
  notes = await startNotes()
})
afterAll(async () => {
  await notes.close()
  await second.close()
  await toolgate.close()
})

const elsewhere = () => ({
  db: second.installation.database.knex,
  audit: second.app.audit,
  catalogues: new CatalogueCache(),
})

/** Calls a tool of the notes server at `url`, with nothing of an SDK in between. */
async function call(token: string, name = 'search_notes', url = notes.url): Promise<number> {
  const response = await fetch(url, {
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
      params: { name, arguments: { query: 'welcome' } },
    }),
  })
  await response.text()
  return response.status
}

const countAsked = () => audited(toolgate, { type: 'tool.decided' }).then(({ length }) => length)

/** Calls until an answer is kept, and one call was let through without anybody having been asked. */
async function untilKept(token: string, url = notes.url): Promise<void> {
  await expect
    .poll(
      async () => {
        const before = reports.length
        expect(await call(token, 'search_notes', url)).toBe(200)
        return reports.length - before
      },
      { timeout: 30_000 },
    )
    .toBe(1)
  const asked = await countAsked()
  expect(await call(token, 'search_notes', url)).toBe(200)
  expect(await countAsked()).toBe(asked)
}

const untilRefused = (token: string, status: number, url = notes.url) =>
  expect.poll(() => call(token, 'search_notes', url), { timeout: 30_000 }).toBe(status)

type Family = { account_id: string; username: string; client_id: string; tokens: Tokens; grant: string }

async function family(): Promise<Family> {
  const { id: account_id, username, person } = await toolgate.account()
  // Of its own name, because blocking one blocks all that look the same.
  const { client_id } = await toolgate.register({ client_name: `Client of ${username}` })
  const tokens = await toolgate.tokens(person(), client_id, { resource, scope: SCOPE })
  return { account_id, username, client_id, tokens, grant: await grantOf(toolgate, tokens.refresh_token) }
}

const WAYS: [way: string, status: number, take: (from: Family) => Promise<unknown>][] = [
  [
    'an operator revokes the grant',
    401,
    ({ grant }) =>
      send(`http://127.0.0.1:${second.port}/operator/api/v1/grants/${grant}/revoke`, {
        method: 'POST',
        headers: { host: new URL(toolgate.issuer).host, authorization: `Bearer ${operator.token}` },
      }),
  ],
  [
    'its user revokes it',
    401,
    ({ account_id, grant: id }) => revokeConnectedApp(elsewhere(), { account_id, id }, TEST),
  ],
  [
    'the client revokes its access token',
    401,
    ({ client_id, tokens }) => second.post('/revoke', { client_id, token: tokens.access_token }),
  ],
  [
    'the client revokes its refresh token',
    401,
    ({ client_id, tokens }) => second.post('/revoke', { client_id, token: tokens.refresh_token }),
  ],
  [
    'a refresh token is used twice',
    401,
    async ({ client_id, tokens, grant }) => {
      await second.refresh(client_id, tokens.refresh_token)
      await passGrace(toolgate, grant)
      await second.refresh(client_id, tokens.refresh_token)
    },
  ],
  [
    'the account is disabled',
    401,
    ({ username }) => changeAccount(elsewhere(), username, { disabled: true }, TEST),
  ],
  [
    'the account loses the role',
    403,
    ({ username }) => changeAccount(elsewhere(), username, { roles: ['reader'] }, TEST),
  ],
  [
    'the grant is narrowed',
    403,
    ({ grant: id }) => narrowGrant(elsewhere(), { id, scopes: ['notes:read'] }, TEST),
  ],
  [
    'the client is blocked',
    401,
    ({ client_id }) => blockClient(elsewhere(), client_id, { ...TEST, reason: 'stolen' }),
  ],
]

describe('a decision that is kept', () => {
  it('is in the audit log as every other, with what came of the call', async () => {
    const own = await startNotes({ resource, cache: { max_age_seconds: 3_600 } } as Partial<GuardOptions>)
    const { tokens } = await family()
    type Event = { request_id: string; tool: string; account_id: string; detail: { source?: string } }
    const kept = async (): Promise<Event[]> =>
      (await audited(toolgate, { type: 'tool.decided' }))
        .map((event) => event as unknown as Event)
        .filter(({ detail }) => detail.source === 'resource_server')
    await expect
      .poll(
        async () => {
          expect(await call(tokens.access_token, 'search_notes', own.url)).toBe(200)
          return (await kept()).length
        },
        { timeout: 30_000 },
      )
      .toBeGreaterThan(0)
    await own.close()
    const [{ request_id, tool } = { request_id: '', tool: '' }] = await kept()
    expect(tool).toBe('search_notes')
    const completed = await audited(toolgate, { type: 'tool.completed', request_id })
    expect(completed).toMatchObject([{ tool, detail: { outcome: 'ok' } }])
  })
})

describe('an allow that the guard keeps is given no more', () => {
  it.each(WAYS)('once it has heard that %s', async (_, status, take) => {
    const taken = await family()
    await untilKept(taken.tokens.access_token)
    await take(taken)
    await untilRefused(taken.tokens.access_token, status)
  })

  it.each(['revoked', 'rotated without overlap'])(
    'once it has heard that a personal token is %s',
    async (way) => {
      const { id: account } = await toolgate.account()
      const wanted = {
        account,
        resource,
        role: 'custom',
        scopes: ['notes:search'],
        name: 'script',
        days: 30,
      } as const
      const context = { ...elsewhere(), catalogues: new CatalogueCache() }
      const { id, token } = await createPersonalToken(context, wanted, TEST)
      await untilKept(token)
      if (way === 'revoked') await revokePersonalToken(context, { id }, TEST)
      else await rotatePersonalToken(context, { id }, { overlap_hours: 0 }, TEST)
      await untilRefused(token, 401)
    },
  )

  it('once it has heard of another catalogue', async () => {
    const { tokens } = await family()
    await untilKept(tokens.access_token)
    const apply = async (text: string) => {
      const read = parseCatalogue(text)
      if ('faults' in read) throw new Error(read.faults.join())
      await changeCatalogue(elsewhere(), read.catalogue, TEST, {
        accept: ['tool:search_notes', 'tool:find_notes'],
      })
    }
    await apply(catalogueFor(resource, 'find_notes'))
    await untilRefused(tokens.access_token, 403)
    await apply(catalogueFor(resource))
    await untilKept(tokens.access_token)
  })

  it('once it has heard that the resource server has another secret, and nothing else is either', async () => {
    const { tokens } = await family()
    const mine = await addResourceServer(toolgate.dependencies, { resource }, TEST)
    const { client_id, client_secret } = mine
    const server = await startNotes({ resource, client_id, client_secret })
    await untilKept(tokens.access_token, server.url)
    await rotateResourceServerSecret(elsewhere(), client_id, TEST)
    await untilRefused(tokens.access_token, 503, server.url)
    expect(await call(tokens.access_token, 'get_note', server.url)).toBe(503)
    await server.close()
    expect(await call(tokens.access_token)).toBe(200)
  })
})

describe('what the guard keeps', () => {
  it('is neither what writes nor what destroys', async () => {
    const { tokens } = await family()
    await untilKept(tokens.access_token)
    const [before, asked] = [reports.length, await countAsked()]
    for (const name of ['create_note', 'delete_note', 'create_note', 'delete_note'])
      expect(await call(tokens.access_token, name)).toBe(200)
    expect(await countAsked()).toBe(asked + 4)
    expect(reports).toHaveLength(before)
  })

  it('is reported with who called what, by which token', async () => {
    const { account_id, client_id, tokens } = await family()
    await untilKept(tokens.access_token)
    const [event] = await audited(toolgate, { account_id, type: 'tool.decided' })
    expect(reports.at(-1)).toMatchObject({
      type: 'tool.decided',
      allowed: true,
      sub: account_id,
      client_id,
      token_id: event?.token_id,
      method: 'tools/call',
      name: 'search_notes',
      scope: 'notes:search',
    })
  })
})

/** The wire between a guard and the feed, which can be held, cut and mended. */
function wire() {
  const state = { held: false, refused: false, said: '', sent: [] as (string | null)[], cut: () => {} }
  const through: typeof fetch = async (input, init) => {
    if (!String(input).endsWith('/changes')) return fetch(input, init)
    if (state.refused) throw new Error('cut')
    state.sent.push(new Headers(init?.headers).get('last-event-id'))
    const response = await fetch(input, init)
    const gate = new TransformStream<Uint8Array, Uint8Array>({
      transform: (piece, controller) => {
        if (state.held) return
        state.said += new TextDecoder().decode(piece)
        controller.enqueue(piece)
      },
    })
    const broken = new AbortController()
    state.cut = () => broken.abort(new Error('cut'))
    const body = response.body?.pipeThrough(gate, { signal: broken.signal })
    return new Response(body ?? null, { status: response.status })
  }
  return { state, fetch: through }
}

describe('a guard whose feed is not heard', () => {
  let guard: Guard
  let cable: ReturnType<typeof wire>

  const start = async () => {
    const { client_id, client_secret } = await toolgate.resourceServer(resource)
    cable = wire()
    guard = createGuard({
      issuer: toolgate.issuer,
      resource,
      client_id,
      client_secret,
      default_scopes: ['notes:read'],
      cache: { ...cache, lease_seconds: 6 },
      fetch: cable.fetch,
    })
  }

  /** Whether somebody was asked, and what came of it. */
  const decide = async (token: string) => {
    const before = reports.length
    const { outcome } = await guard.decide(
      new Request(resource, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: { name: 'search_notes' },
        }),
      }),
    )
    return `${outcome} ${reports.length > before ? 'from what is kept' : 'by the server'}`
  }
  const until = (token: string, what: string) =>
    expect.poll(() => decide(token), { timeout: 30_000 }).toBe(what)
  const KEPT = 'allowed from what is kept'

  it('asks about every call after the lease, although the connection is open', async () => {
    await start()
    const { tokens, grant } = await family()
    await until(tokens.access_token, KEPT)
    cable.state.held = true
    cable.state.refused = true
    await revokeGrants(elsewhere(), { id: grant }, TEST)
    await until(tokens.access_token, 'refused by the server')
    const other = (await family()).tokens.access_token
    for (let count = 0; count < 3; count++) expect(await decide(other)).toBe('allowed by the server')
    await guard.close()
  })

  it('hears what it missed when it is heard again, and keeps the rest', async () => {
    await start()
    const [missed, other] = [await family(), await family()]
    for (const { tokens } of [missed, other]) await until(tokens.access_token, KEPT)
    cable.state.refused = true
    cable.state.cut()
    await until(other.tokens.access_token, 'allowed by the server')
    await revokeGrants(elsewhere(), { id: missed.grant }, TEST)
    cable.state.said = ''
    cable.state.refused = false
    await until(other.tokens.access_token, KEPT)
    expect(cable.state.sent.at(-1)).toMatch(/^\d+~/)
    expect(cable.state.said).toContain('"accounts"')
    expect(cable.state.said).not.toContain('"all"')
    expect(await decide(missed.tokens.access_token)).toBe('refused by the server')
    await guard.close()
  })
})
