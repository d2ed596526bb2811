import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import { PageVisitor } from '../../support/page-visitor.ts'
import { Toolgate } from '../../support/toolgate.ts'

let toolgate: Toolgate
let server: Awaited<ReturnType<Toolgate['resourceServer']>>

beforeAll(async () => {
  toolgate = await Toolgate.start()
  server = await toolgate.resourceServer()
  kim = await visitor()
  lee = await visitor()
})
afterAll(() => toolgate.close())

type Visitor = { id: string; page: PageVisitor; access_token: string; grant_id: string }
let kim: Visitor
let lee: Visitor

async function visitor(): Promise<Visitor> {
  const { id, username, person } = await toolgate.account()
  const { client_id } = await toolgate.register({ client_name: 'Claude <b>' })
  const scope = 'notes:read notes:write notes:delete'
  const { access_token } = await toolgate.tokens(person(), client_id, { scope })
  const page = await PageVisitor.signIn(toolgate, username)
  const grant = await toolgate.db.database.knex('grants').where({ account_id: id }).first('id')
  return { id, page, access_token, grant_id: grant.id }
}

async function isAllowed({ access_token }: Visitor, mcp_name: string): Promise<unknown> {
  const answer = await toolgate.introspect(server, access_token, { mcp_method: 'tools/call', mcp_name })
  return (answer.mcp as { allowed: boolean } | undefined)?.allowed
}

describe('connected apps', () => {
  it('are listed for their person and nobody else, with names that make no element', async () => {
    const page = await (await kim.page.get('/account')).text()
    expect(page).toContain('Claude &lt;b&gt;')
    expect(page).toContain(`/account/apps/${kim.grant_id}`)
    expect(page).not.toContain(lee.grant_id)
  })

  it.each(['', '/revoke'])('are not found under another one’s id: GET /account/apps/:id%s', async (rest) => {
    expect((await kim.page.get(`/account/apps/${kim.grant_id}${rest}`)).status).toBe(200)
    expect((await kim.page.get(`/account/apps/${lee.grant_id}${rest}`)).status).toBe(404)
  })

  it.each(['name', 'scopes', 'revoke'])('nor changed: POST /account/apps/:id/%s', async (what) => {
    const path = `/account/apps/${lee.grant_id}/${what}`
    expect((await kim.page.post(path, [['scope', 'notes:read']])).status).toBe(404)
    expect(await isAllowed(lee, 'delete_note')).toBe(true)
  })

  it('refuses a cursor that no page gave', async () => {
    expect((await kim.page.get('/account?after=x')).status).toBe(400)
    expect((await kim.page.get('/account/activity?after=x&after=y')).status).toBe(400)
  })

  it('takes an unticked scope back from the very next call on, in the person’s name', async () => {
    const kim = await visitor()
    expect(await isAllowed(kim, 'delete_note')).toBe(true)
    const ticked: [string, string][] = ['notes:read', 'notes:write'].map((name) => ['scope', name])
    expect((await kim.page.post(`/account/apps/${kim.grant_id}/scopes`, ticked)).status).toBe(303)
    expect(await isAllowed(kim, 'delete_note')).toBe(false)
    expect(await isAllowed(kim, 'create_note')).toBe(true)
    const { events } = await pageEvents(toolgate.db.database.knex, { grant_id: kim.grant_id }, 20)
    expect(events.find(({ type }) => type === 'grant.narrowed')).toMatchObject({
      actor_kind: 'account',
      actor_id: kim.id,
      scope: 'notes:read notes:write',
    })
  })

  it('what includes an unticked scope goes with it, and something has to be left', async () => {
    const kim = await visitor()
    const path = `/account/apps/${kim.grant_id}/scopes`
    expect((await kim.page.post(path, [['scope', 'notes:delete']])).status).toBe(400)
    expect((await kim.page.post(path)).status).toBe(400)
    const ticked: [string, string][] = ['notes:read', 'notes:delete'].map((name) => ['scope', name])
    expect((await kim.page.post(path, ticked)).status).toBe(303)
    expect(await isAllowed(kim, 'create_note')).toBe(false)
    expect(await isAllowed(kim, 'get_note')).toBe(true)
  })

  it('ends one, with its tokens, and tells so once', async () => {
    const kim = await visitor()
    const answer = await kim.page.post(`/account/apps/${kim.grant_id}/revoke`)
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/account'])
    expect((await toolgate.introspect(server, kim.access_token)).active).toBe(false)
    expect((await kim.page.get(`/account/apps/${kim.grant_id}`)).status).toBe(404)
    const activity = await (await kim.page.get('/account/activity')).text()
    expect(activity).toContain('You disconnected Claude')
    expect(activity).toContain('You allowed Claude &lt;b&gt; to use Notes: Read your notes')
  })
})
