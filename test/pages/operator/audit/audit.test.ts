import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageEvents } from '../../../../src/audit/query/audit-store.ts'
import { decided } from '../../../audit/rows.ts'
import { expectClear } from '../../../support/hostile.ts'
import { Toolgate } from '../../../support/toolgate.ts'
import { type SignedIn, signedIn } from '../signed-in.ts'

const HOSTILE = '"><script>alert(1)</script>'
let toolgate: Toolgate
let auditor: SignedIn

beforeAll(async () => {
  toolgate = await Toolgate.start()
  auditor = await signedIn(toolgate, ['auditor'])
  await toolgate.app.audit.append([
    ...Array.from({ length: 120 }, (_, index) => decided(index)),
    { ...decided(999), tool: HOSTILE, client_id: HOSTILE, detail: { method: HOSTILE, needed: '' } },
  ])
})
afterAll(() => toolgate.close())

const db = () => toolgate.db.database.knex
const linkIn = (html: string, text: string) =>
  new RegExp(`href="([^"]*)"[^>]*>${text}<`).exec(html)?.[1]?.replaceAll('&amp;', '&') ?? ''
const rowsIn = (html: string) =>
  [...html.matchAll(/href="\/operator\/audit\/events\/([^"]+)"/g)].map(([, id]) => id)

describe('/operator/audit', () => {
  it('shows every event that matches once, the newest first, page by page', async () => {
    const { events } = await pageEvents(db(), { type: 'tool.decided' }, 1_000)
    const seen: (string | undefined)[] = []
    let path = '/operator/audit?type=tool.decided&tool=&from='
    while (path) {
      const html = await auditor.page(path)
      seen.push(...rowsIn(html))
      path = linkIn(html, 'Older')
    }
    expect(seen).toEqual(events.map(({ id }) => id))
  })

  it('finds an account by its username too', async () => {
    const { id, username } = await toolgate.account()
    const by_name = rowsIn(await auditor.page(`/operator/audit?account_id=${username}`))
    expect(by_name).toEqual(rowsIn(await auditor.page(`/operator/audit?account_id=${id}`)))
    expect(by_name).toHaveLength(1)
  })

  it('shows what came from outside as text', async () => {
    const html = await auditor.page(`/operator/audit?tool=${encodeURIComponent(HOSTILE)}`)
    expect(rowsIn(html)).toHaveLength(1)
    expect(html).not.toContain('<script>alert')
    const event = await auditor.page(`/operator/audit/events/${rowsIn(html)[0]}`)
    expect(event).not.toContain('<script>alert')
    expect(event).toContain('&lt;script&gt;')
  })

  it('says that nothing matches', async () => {
    expect(await auditor.page('/operator/audit?client_id=nobody')).toContain('Nothing in the log matches.')
    expect(await auditor.page('/operator/audit?request_id=nobody')).toContain('Nothing in the log matches.')
  })

  it.each([
    '?after=x',
    '?after=99999999999999~00000000-0000-0000-0000-000000000000~0x',
    '?type=token.sold',
    '?from=yesterday',
    '?from=2026-07-28T25:00',
    '?tool=a&tool=b',
    '?nonsense=1',
    `?tool=${'x'.repeat(2_049)}`,
    '?account_id=%00',
    '/events/x',
    '/events/%00',
    '/story/nobody',
    '/story/%00',
    '/story/usr_x?limit=5',
    '/trace/nobody',
    '/trace/%00',
    '/export',
    '/export?format=ocsf',
    '/export?format=csv&after=x',
    '/follow?from=2026-07-28T00:00Z',
  ])('%s is answered clearly', async (query) => {
    const response = await auditor.get(`/operator/audit${query}`)
    expect([400, 404]).toContain(response.status)
    await expectClear(response, query)
  })

  it('is for auditors and operators', async () => {
    const other = await signedIn(toolgate, ['editor'])
    for (const path of ['', '/events/x', '/story/x', '/trace/x', '/verify', '/export?format=csv', '/follow'])
      expect((await other.get(`/operator/audit${path}`)).status).toBe(403)
  })
})

describe('/operator/audit/events/:id', () => {
  it('shows an event with all that is kept of it, its neighbours and where to go on', async () => {
    const [event] = (await pageEvents(db(), { tool: 'tool_41' }, 1)).events
    const html = await auditor.page(`/operator/audit/events/${event!.id}`)
    for (const text of [event!.hash.toString('hex'), event!.prev_hash.toString('hex'), 'needed', 'req_41'])
      expect(html).toContain(text)
    expect(new Set(rowsIn(html)).size).toBe(11)
    for (const path of ['story/usr_6', 'story/grant_1', `explain/${event!.id}`])
      expect(html).toContain(`href="/operator/audit/${path}"`)
  })
})

describe('/operator/audit/story/:id', () => {
  it('tells a grant from consent to its last call, with calls folded', async () => {
    const rs = await toolgate.resourceServer()
    const { person, id: account_id } = await toolgate.account()
    const { client_id } = await toolgate.register({ client_name: 'Claude Code' })
    const { access_token } = await toolgate.tokens(person(), client_id)
    for (let call = 0; call < 3; call += 1)
      await toolgate.introspect(rs, access_token, { mcp_method: 'tools/call', mcp_name: 'search_notes' })
    const [grant] = (await db()('grants').where({ account_id }).select('id')) as [{ id: string }]
    for (const id of [grant.id, account_id]) {
      const html = await auditor.page(`/operator/audit/story/${id}`)
      expect(html).toMatch(
        /allowed Claude Code[\s\S]*became access token[\s\S]*<summary>3 calls of search_notes/,
      )
      const calls = linkIn(html, 'Each of these calls')
      expect(rowsIn(await auditor.page(calls))).toHaveLength(3)
    }
  })

  it('tells a token that was entered in the form, at an address that has its id', async () => {
    const rs = await toolgate.resourceServer()
    const { person } = await toolgate.account()
    const { client_id } = await toolgate.register()
    const { access_token } = await toolgate.tokens(person(), client_id)
    await toolgate.introspect(rs, access_token, { mcp_method: 'tools/call', mcp_name: 'search_notes' })
    const answer = await auditor.post('/operator/audit/story', { id: access_token })
    const location = answer.headers.get('location')
    expect([answer.status, location]).toEqual([
      303,
      expect.stringContaining('/operator/audit/story/sha256%3A'),
    ])
    const html = await auditor.page(new URL(location ?? '', toolgate.issuer).pathname)
    expect(html).toContain('search_notes')
    expect(html).not.toContain(access_token)
    expect((await auditor.get(`/operator/audit/story/${access_token}`)).status).toBe(400)
  })
})

describe('/operator/audit/trace/:id', () => {
  it('shows what is behind an id, the oldest first; an event leads to the trace of its request', async () => {
    const [event] = (await pageEvents(db(), { tool: 'tool_41' }, 1)).events
    const html = await auditor.page(`/operator/audit/events/${event!.id}`)
    expect(rowsIn(await auditor.page(linkIn(html, 'Trace')))).toEqual([event!.id])
    const { client_id } = await toolgate.register()
    expect(await auditor.page(`/operator/audit/trace/${client_id}`)).toContain('client.registered')
  })
})

describe('/operator/audit/verify', () => {
  it('verifies the last day by default, or another period', async () => {
    const form = await auditor.page('/operator/audit/verify')
    const [, from] = /name="from"[^>]*value="([^"]+)"/.exec(form) ?? []
    expect(Date.now() - Date.parse(`${from}Z`)).toBeGreaterThanOrEqual(86_400_000)
    const whole = await auditor.post('/operator/audit/verify', { from: from! })
    expect(await whole.text()).toMatch(/The log is whole: \d{3} rows of \d+ writers/)
    const empty = await auditor.post('/operator/audit/verify', {
      from: '2001-01-01T00:00',
      to: '2001-01-02T00:00',
    })
    expect(await empty.text()).toContain('0 rows of 0 writers')
  })

  it('needs its own form', async () => {
    const response = await auditor.post('/operator/audit/verify', { csrf: 'x' })
    expect(response.status).toBe(403)
  })
})
