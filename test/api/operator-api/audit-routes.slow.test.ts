import { type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { revokeOperatorToken } from '../../../src/accounts/operator-tokens.ts'
import { type Action, perform } from '../../../src/actions/action.ts'
import { AUDIT_ACTIONS } from '../../../src/actions/audit.ts'
import { CatalogueCache } from '../../../src/catalogue/catalogue-store.ts'
import { decided } from '../../audit/rows.ts'
import { expectClear } from '../../support/hostile.ts'
import { TEST } from '../../support/origins.ts'
import { RESOURCE, Toolgate } from '../../support/toolgate.ts'

const API = '/operator/api/v1/audit'
const NOTES = encodeURIComponent(RESOURCE)
let toolgate: Toolgate
let operator: { id: string; token: string }

beforeAll(async () => {
  toolgate = await Toolgate.start()
  operator = await toolgate.operatorToken()
  await toolgate.app.audit.append(Array.from({ length: 30 }, (_, index) => decided(index)))
})
afterAll(() => toolgate.close())

function get(path: string, headers: Record<string, string> = {}) {
  return toolgate.fetch(API + path, { headers: { authorization: `Bearer ${operator.token}`, ...headers } })
}

type Page = { events: { id: string; tool: string }[]; next?: string }
const page = async (query: string) => (await (await get(`/events?${query}`)).json()) as Page

describe('GET /audit/events', () => {
  it('gives every event that matches once, newest first, page by page', async () => {
    const seen: string[] = []
    let next: string | undefined
    do {
      const query = `type=tool.decided&resource=${NOTES}&limit=7${next ? `&after=${encodeURIComponent(next)}` : ''}`
      const { events, next: following } = await page(query)
      seen.push(...events.map(({ id }) => id))
      next = following
    } while (next)
    expect(new Set(seen).size).toBe(30)
  })

  it('filters by whatever is recorded', async () => {
    const count = async (query: string) => (await page(query)).events.length
    expect(await count('tool=tool_3')).toBe(1)
    expect(await count('decision=denied')).toBe(15)
    expect(await count(`resource=${NOTES}`)).toBe(30)
    expect(await count('account_id=usr_3&grant_id=grant_0')).toBe(1)
    expect(await count('request_id=req_9')).toBe(1)
    expect(await count('to=2001-01-01T00:00:00Z')).toBe(0)
    expect(await count('from=2001-01-01T00:00:00%2B01:00&tool=tool_3')).toBe(1)
  })

  it.each([
    '/events?limit=0',
    '/events?limit=1001',
    '/events?type=token.sold',
    '/events?decision=maybe',
    '/events?from=yesterday',
    '/events?from=2026-02-31',
    '/events?after=x',
    '/events?tool=a&tool=b',
    '/events?tool=',
    '/events?nonsense=1',
    '/callers',
    '/callers?tool=x&limit=3',
  ])('%s is a 4xx that names the fault', async (path) => {
    const response = await get(path)
    expect(response.status).toBe(400)
    await expectClear(response, path)
  })
})

describe('every answer about the audit log', () => {
  it('is as its action says, to the last member', async () => {
    const { person, id } = await toolgate.account()
    const { client_id } = await toolgate.register()
    await toolgate.tokens(person(), client_id)
    const { events } = await page('limit=1')
    const inputs: Record<string, Record<string, unknown>> = {
      search_audit: { limit: 1_000 },
      show_event: { id: events[0]!.id },
      audit_story: { id },
      audit_callers: { tool: 'tool_4' },
      verify_audit: {},
      trace_connection: { id: client_id },
    }
    const context = { ...toolgate.dependencies, catalogues: new CatalogueCache(), issuer: toolgate.issuer }
    const caller = { actor: TEST.actor, scopes: new Set(['operator:read']) }
    for (const action of AUDIT_ACTIONS as unknown as Action[]) {
      const answer = await perform(action, context, caller, inputs[action.name])
      expect({ of: action.name, answer: action.output.parse(answer) }).toEqual({ of: action.name, answer })
    }
  })
})

describe('POST /audit/story and GET /audit/callers', () => {
  const story = (body: object) =>
    toolgate.fetch(`${API}/story`, {
      method: 'POST',
      headers: { authorization: `Bearer ${operator.token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })

  it('tells a grant, a page at a time', async () => {
    const { person } = await toolgate.account()
    const { client_id } = await toolgate.register()
    await toolgate.tokens(person(), client_id)
    const [{ id }] = (await toolgate.db.database.knex('grants').select('id')) as [{ id: string }]
    type Story = { kind: string; entries: { event: { type: string } }[]; continue_from?: string }
    const whole = (await (await story({ id })).json()) as Story
    expect(whole).toMatchObject({ kind: 'grant' })
    expect(whole.entries.map(({ event }) => event.type)).toContain('consent.given')
    const first = (await (await story({ id, limit: 2 })).json()) as Story
    const rest = (await (await story({ id, from: first.continue_from })).json()) as Story
    expect([...first.entries, ...rest.entries]).toEqual(expect.arrayContaining(whole.entries))
  })

  it('takes no token in an address, and all of a story only in words that are known', async () => {
    expect((await get('/story/some-grant')).status).toBe(404)
    expect((await story({ id: 'some-grant', all: '1' })).status).toBe(400)
  })

  it('does not know what nobody recorded', async () => {
    const response = await story({ id: 'nobody' })
    expect(response.status).toBe(404)
    await expectClear(response, 'story')
  })

  it('names who called a tool', async () => {
    expect(await (await get('/callers?tool=tool_4')).json()).toMatchObject({
      callers: [{ account_id: 'usr_4', calls: 1, denied: 0 }],
    })
  })
})

/** The answer as it begins; what follows is read by whoever wants it. */
function stream(query = '', headers: Record<string, string> = {}, of = toolgate): Promise<IncomingMessage> {
  const all = {
    host: new URL(toolgate.issuer).host,
    authorization: `Bearer ${operator.token}`,
    accept: 'text/event-stream',
    ...headers,
  }
  return new Promise((resolve, reject) => {
    const outgoing = request(`http://127.0.0.1:${of.port}${API}/events${query}`, { headers: all }, resolve)
    outgoing.on('error', reject)
    outgoing.end()
  })
}

/** Reads a stream event by event; whoever stops reading hangs up. */
async function* eventsOf(response: IncomingMessage) {
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = text
        .slice(0, end)
        .split('\n')
        .map((line) => line.split(/: (.*)/s, 2) as [string, string])
      text = text.slice(end + 2)
      const { id, event, data } = Object.fromEntries(fields)
      if (data !== undefined) yield { id: id!, type: event!, event: JSON.parse(data) as { tool: string } }
    }
  }
}

/** Each beginning wakes all that follow, and all of them share a few connections to the database. */
const FOR_ALL_OF_THEM = { timeout: 10_000 }

describe('GET /audit/events as a stream', () => {
  it('gives what is committed from now on, and goes on after the last event that was seen', async () => {
    const first = await stream(`?type=tool.decided&resource=${NOTES}`)
    expect(first.headers).toMatchObject({
      'cache-control': 'no-store',
      'content-type': expect.stringMatching(/^text\/event-stream/),
    })
    const reading = eventsOf(first)
    await toolgate.app.audit.append([decided(100), decided(101)])
    const { value } = await reading.next()
    expect(value).toMatchObject({ type: 'tool.decided', event: { tool: 'tool_100' } })
    await reading.return(undefined)

    const again = await stream(`?type=tool.decided&resource=${NOTES}`, { 'last-event-id': value!.id })
    const second = eventsOf(again)
    expect((await second.next()).value).toMatchObject({ event: { tool: 'tool_101' } })
    await toolgate.app.audit.append(decided(102))
    expect((await second.next()).value).toMatchObject({ event: { tool: 'tool_102' } })
    await second.return(undefined)
    await expect.poll(() => toolgate.app.feed.followers).toBe(0)
  })

  it('gives only what matches', async () => {
    const reading = eventsOf(await stream('?tool=tool_201'))
    await toolgate.app.audit.append([decided(200), decided(201)])
    expect((await reading.next()).value).toMatchObject({ event: { tool: 'tool_201' } })
    await reading.return(undefined)
  })

  it('a reader that does not read costs no memory, and gets everything when it does', async () => {
    const response = await stream(`?type=tool.decided&resource=${NOTES}`)
    for (let at = 0; at < 20; at += 1)
      await toolgate.app.audit.append(Array.from({ length: 500 }, (_, index) => decided(at * 500 + index)))
    const seen = new Set<string>()
    for await (const { event } of eventsOf(response)) {
      seen.add(event.tool)
      if (seen.size === 10_000) break
    }
    expect(seen.size).toBe(10_000)
  })

  it.each([
    ['a position that no event came with', '', { 'last-event-id': 'x' }],
    ['a filter that is none', '?nonsense=1', {}],
    ['a time, which has no place in what is yet to come', '?from=2026-07-28T00:00:00Z', {}],
  ])('refuses %s', async (_, query, headers) => {
    const response = await stream(query, headers)
    expect(response.statusCode).toBe(400)
    response.destroy()
  })

  it('is closed to everybody else', async () => {
    const response = await toolgate.fetch(`${API}/events`, { headers: { accept: 'text/event-stream' } })
    expect(response.status).toBe(401)
  })

  it('is recorded once when it begins, and never tells of its own beginning', async () => {
    const resource = encodeURIComponent(`${toolgate.issuer}/operator/mcp`)
    const reading = eventsOf(await stream(`?resource=${resource}`))
    await expect.poll(() => toolgate.app.feed.followers).toBe(1)
    const { events } = await page(`resource=${resource}&limit=2`)
    expect((await reading.next()).value).toMatchObject({ event: { id: events[0]!.id } })
    await reading.return(undefined)
    await expect.poll(() => toolgate.app.feed.followers).toBe(0)
  })

  it('has a limit to how many follow', async () => {
    const open = await Promise.all(Array.from({ length: 32 }, () => stream()))
    await expect.poll(() => toolgate.app.feed.followers, FOR_ALL_OF_THEM).toBe(32)
    const refused = await stream()
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '1'])
    for (const each of [refused, ...open]) each.destroy()
    await expect.poll(() => toolgate.app.feed.followers, FOR_ALL_OF_THEM).toBe(0)
  })

  it('ends when the feed is closed, as at shutdown', async () => {
    const other = await Toolgate.start({ beside: toolgate })
    const response = await stream('', {}, other)
    const seen: string[] = []
    const ended = (async () => {
      for await (const chunk of response.setEncoding('utf8')) seen.push(chunk)
    })()
    await expect.poll(() => seen.join('')).toContain(': connected')
    await other.app.feed.close()
    await ended
    await other.close()
  })
})

describe('a revoked operator token', () => {
  it('opens no stream', async () => {
    const gone = await toolgate.operatorToken()
    await revokeOperatorToken(toolgate.dependencies, gone.id, TEST)
    const response = await stream('', { authorization: `Bearer ${gone.token}` })
    expect(response.statusCode).toBe(401)
    response.destroy()
  })
})
