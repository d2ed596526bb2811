import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageOfOperatorTokens } from '../../../src/accounts/operator-tokens.ts'
import { showClient } from '../../../src/clients/client-list.ts'
import { signedIn } from '../../support/signed-in.ts'
import { RESOURCE, Toolgate } from '../../support/toolgate.ts'

/** The pages of clients, resource servers and operator tokens. */
const NAME = '<i>Evil & Co</i>'
const URL_UNSEEN = 'https://spy.example/client.json?a=1&b=2'
let toolgate: Toolgate
let operator: Awaited<ReturnType<typeof signedIn>>
let auditor: Awaited<ReturnType<typeof signedIn>>
let client_id: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  operator = await signedIn(toolgate, ['operator'])
  auditor = await signedIn(toolgate, ['auditor'])
  client_id = (await toolgate.register({ client_name: NAME })).client_id
})
afterAll(() => toolgate.close())

const at = (what: string, id: string) => `/operator/clients/${what}?${new URLSearchParams({ client_id: id })}`
const secretOf = (html: string) => [...html.matchAll(/<code class="host">([^<]+)<\/code>/g)].at(-1)?.[1] ?? ''

describe('the pages of clients', () => {
  it('list, filter and show clients, with names from outside as text and forms only for who may send them', async () => {
    const list = await operator.get('/operator/clients?text=&origin=registration&blocked=')
    expect([list.status, list.html]).toEqual([
      200,
      expect.stringContaining('&lt;i&gt;Evil &amp; Co&lt;/i&gt;'),
    ])
    expect((await operator.get('/operator/clients?text=nothing')).html).toContain('No client matches')
    const shown = await operator.get(at('show', client_id))
    expect(shown.html).toContain('Forget')
    const seen = await auditor.get(at('show', client_id))
    expect([seen.status, seen.html.includes('Forget'), seen.html.includes(at('block', client_id))]).toEqual([
      200,
      false,
      false,
    ])
  })

  it('block a client after a preview and with a reason, and unblock it', async () => {
    const { person, username } = await toolgate.account()
    await toolgate.tokens(person(), client_id)
    const preview = await operator.get(at('block', client_id))
    expect(preview.html).toMatch(/<dt>Grants<\/dt><dd>1<\/dd>/)
    expect(preview.html).toContain(username)
    const without = await operator.post('/operator/clients/block', { client_id, reason: ' ' })
    expect([without.status, without.html]).toEqual([400, expect.stringContaining('role="alert"')])
    const done = await operator.post('/operator/clients/block', { client_id, reason: 'spies' })
    expect([done.status, done.location]).toEqual([303, at('show', client_id)])
    expect((await operator.get(at('show', client_id))).html).toContain('spies')
    expect(await showClient(toolgate.dependencies, client_id)).toMatchObject({
      live_grants: 0,
      block: { blocked_by: `account:${operator.id}` },
    })
    expect((await operator.post('/operator/clients/unblock', { client_id })).status).toBe(303)
    expect((await showClient(toolgate.dependencies, client_id)).blocked).toBe(false)
  })

  it('block the URL of a document that nobody has used', async () => {
    expect((await operator.get(at('block', URL_UNSEEN))).status).toBe(200)
    const done = await operator.post('/operator/clients/block', { client_id: URL_UNSEEN, reason: 'spies' })
    expect(done.location).toBe(at('show', URL_UNSEEN))
    expect((await operator.get(at('show', URL_UNSEEN))).html).toContain('not known yet')
    const unknown = await operator.post('/operator/clients/block', { client_id: 'cl_nobody', reason: 'x' })
    expect(unknown.status).toBe(404)
  })

  it('add a client, show its secret once and nowhere in a cookie, replace it, and forget the client', async () => {
    const fields = {
      name: 'Tickets',
      redirect_uris: 'https://a.example/cb\nhttps://b.example/cb',
      confidential: 'yes',
    }
    const wrong = await operator.post('/operator/clients/add', {
      ...fields,
      redirect_uris: 'http://a.example/cb',
    })
    expect([wrong.status, wrong.html]).toEqual([
      400,
      expect.stringContaining('http://a.example/cb</textarea>'),
    ])
    const made = await operator.post('/operator/clients/add', fields)
    const secret = secretOf(made.html)
    expect([made.status, secret]).toEqual([200, expect.stringMatching(/^[\w-]{43}$/)])
    const id = /cl_[\w-]{22}/.exec(made.html)?.[0] ?? ''
    const shown = await operator.get(at('show', id))
    expect(shown.html).toContain('https://b.example/cb')
    expect(shown.html).not.toContain(secret)
    const again = await operator.post('/operator/clients/rotate-secret', { client_id: id })
    expect(secretOf(again.html)).toMatch(/^[\w-]{43}$/)
    expect((await operator.get(at('forget', id))).status).toBe(200)
    expect((await operator.post('/operator/clients/forget', { client_id: id, reason: 'old' })).status).toBe(
      303,
    )
    expect((await operator.get(at('show', id))).status).toBe(404)
  })

  it('answer an address without a client, or with two, by a clear refusal', async () => {
    for (const path of ['show', 'block', 'forget', 'show?client_id=a&client_id=b', 'show?client_id=%00'])
      expect([path, (await operator.get(`/operator/clients/${path}`)).status]).toEqual([path, 400])
  })
})

describe('the pages of resource servers', () => {
  it('add one, show its secret once, rotate, and remove it', async () => {
    const made = await operator.post('/operator/resource-servers', {
      resource: RESOURCE,
      id: 'notes',
      jwks: '',
    })
    const client_secret = secretOf(made.html)
    await toolgate.introspect({ client_id: 'notes', client_secret }, 'x')
    const taken = await operator.post('/operator/resource-servers', { resource: RESOURCE, id: 'notes' })
    expect([taken.status, taken.html]).toEqual([409, expect.stringContaining('role="alert"')])
    expect((await auditor.get('/operator/resource-servers')).html).not.toContain('Add a resource server')
    const page = await operator.get('/operator/resource-servers/notes')
    expect(page.html).not.toContain(client_secret)
    const keys = await operator.post('/operator/resource-servers/notes/rotate-keys', { jwks: '{oops' })
    expect([keys.status, keys.html]).toEqual([400, expect.stringContaining('{oops</textarea>')])
    const rotated = await operator.post('/operator/resource-servers/notes/rotate-secret', {})
    await toolgate.introspect({ client_id: 'notes', client_secret: secretOf(rotated.html) }, 'x')
    expect((await operator.post('/operator/resource-servers/notes/remove', {})).status).toBe(303)
    expect((await operator.get('/operator/resource-servers/notes')).status).toBe(404)
  })
})

describe('the pages of operator tokens', () => {
  it('make one with what is ticked, show it once, and revoke it', async () => {
    const fields = { name: 'robot', days: '7', scope: 'operator:read' }
    const none = await operator.post('/operator/operator-tokens', { name: 'robot', days: '7' })
    expect([none.status, none.html]).toEqual([400, expect.stringContaining('role="alert"')])
    const made = await operator.post('/operator/operator-tokens', fields)
    const token = secretOf(made.html)
    expect(token).toMatch(/^tgo_/)
    const { operator_tokens } = await pageOfOperatorTokens(toolgate.dependencies, { limit: 1 })
    expect(operator_tokens).toMatchObject([
      { name: 'robot', scope: 'operator:read', created_by: `account:${operator.id}` },
    ])
    expect((await operator.get('/operator/operator-tokens')).html).not.toContain(token)
    const path = `/operator/operator-tokens/${operator_tokens[0]?.id}/revoke`
    expect((await auditor.post(path, {})).status).toBe(403)
    expect((await operator.post(path, {})).status).toBe(303)
    expect((await pageOfOperatorTokens(toolgate.dependencies, { limit: 1 })).operator_tokens).toEqual([])
  })
})
