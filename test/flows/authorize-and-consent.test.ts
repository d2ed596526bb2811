import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { NEEDS_PERSON } from '../support/client-memory.ts'
import { PASSWORD, REDIRECT_URI } from '../support/toolgate.ts'
import { authorizationRequest, type Page, Visitor } from '../support/visitor.ts'
import {
  audited,
  connectThrough,
  letDecide,
  REAL_CLIENTS,
  startWithNotes,
  type WithNotes,
} from '../support/with-notes.ts'

const ALL_SCOPES = 'notes:read notes:write notes:delete'

let stage: WithNotes
let issuer: string
let client_id: string

beforeAll(async () => {
  stage = await startWithNotes()
  issuer = stage.toolgate.issuer
  client_id = (await stage.toolgate.register({ client_name: 'Claude' })).client_id
})
afterAll(() => stage.close())

const grants = async (account_id: string): Promise<{ id: string; scope: string }[]> =>
  stage.toolgate.db.database.knex('grants').where({ account_id }).orderBy('created_at').select('id', 'scope')

const request = (parameters: Record<string, string | undefined> = {}) =>
  authorizationRequest(issuer, client_id, { resource: stage.resource, scope: ALL_SCOPES, ...parameters })

/** A browser whose person has signed in and sees the consent page. */
async function atConsent(username: string, parameters: Record<string, string | undefined> = {}) {
  const visitor = new Visitor(issuer)
  const { url, code_verifier } = request(parameters)
  const page = await visitor.submit(await visitor.open(url), { username, password: PASSWORD })
  return { visitor, page, code_verifier }
}

const answerOf = (page: Page) => {
  expect(page.left).toBe(true)
  expect(page.url.href.startsWith(`${REDIRECT_URI}?`)).toBe(true)
  return Object.fromEntries(page.url.searchParams)
}

describe.each(REAL_CLIENTS)('%s', (_, make, protocol_version) => {
  it('finds its own way from a bare URL to the tools a person allowed', async () => {
    const { person, id } = await stage.toolgate.account()
    const client = make(stage.resource)
    const visit = await connectThrough(client, person())

    const requests = client.exchanges.map((exchange) => `${exchange.request} ${exchange.status}`)
    expect(requests[0]).toBe('POST /mcp 401')
    expect(requests).toContain('GET /.well-known/oauth-protected-resource/mcp 200')
    expect(requests).toContain('GET /.well-known/oauth-authorization-server 200')
    expect(requests).toContain('POST /register 201')
    expect(Object.fromEntries(client.memory.authorization_url!.searchParams)).toMatchObject({
      client_id: client.memory.client_id,
      code_challenge_method: 'S256',
      resource: stage.resource,
      scope: 'notes:read',
    })
    expect(visit.pages).toEqual(['Sign in', 'A real client wants to use Notes'])
    expect(visit.callback.searchParams.get('iss')).toBe(issuer)
    expect(client.exchanges.find((exchange) => exchange.request === 'POST /token')).toMatchObject({
      sent: { grant_type: 'authorization_code', code_verifier: expect.any(String), resource: stage.resource },
      status: 200,
    })

    expect(client.protocol_version).toBe(protocol_version)
    expect(client.memory.scope).toBe('notes:read')
    expect(await client.tools()).toEqual(['get_note', 'search_notes'])
    expect(await grants(id)).toMatchObject([{ scope: 'notes:read' }])
    await client.close()
  })

  it('asks again, for a new grant, when the person connects it a second time', async () => {
    const { person, id } = await stage.toolgate.account()
    const browser = person()
    for (const pages of [
      ['Sign in', 'A real client wants to use Notes'],
      ['A real client wants to use Notes'],
    ]) {
      const client = make(stage.resource)
      expect(await client.connect()).toBe(NEEDS_PERSON)
      expect((await letDecide(client, browser)).pages).toEqual(pages)
      await client.close()
    }
    expect(await grants(id)).toHaveLength(2)
  })
})

describe('the consent page', () => {
  it('lists each scope with the tools it opens and marks what cannot be undone', async () => {
    const { username } = await stage.toolgate.account()
    const { page } = await atConsent(username)
    expect(page.heading).toBe('Claude wants to use Notes')
    expect(page.forms[0]?.offered).toEqual(['notes:read', 'notes:write', 'notes:delete'])
    const items = page.html.split('<li class="scope').slice(1)
    expect(items[0]).toContain('Read your notes')
    for (const tool of ['search_notes', 'get_note']) expect(items[0]).toContain(`>${tool}<`)
    for (const tool of ['create_note', 'update_note']) expect(items[1]).toContain(`>${tool}<`)
    expect(items[1]).toContain('Also lets it: Read your notes')
    expect(items[2]).toContain('>delete_note<')
    expect(items.map((item) => item.includes('Cannot be undone'))).toEqual([false, false, true])
  })

  it('says who asks, where the answer goes, for what, and whom we take the person for', async () => {
    const { username } = await stage.toolgate.account()
    const { page } = await atConsent(username)
    for (const fact of ['Not verified', '127.0.0.1:33418', stage.resource, username])
      expect(page.html).toContain(fact)
    expect(page.html).toContain('This access goes to a program on your own computer.')
  })

  it('grants what stays ticked and nothing else', async () => {
    const { username, id } = await stage.toolgate.account()
    const { visitor, page, code_verifier } = await atConsent(username)
    const { code = '' } = answerOf(await visitor.submit(page, {}, ['notes:read']))
    const redeemed = await stage.toolgate.redeem(client_id, code, code_verifier)
    const { access_token, scope } = (await redeemed.json()) as { access_token: string; scope: string }
    expect(scope).toBe('notes:read')
    expect(await grants(id)).toMatchObject([{ scope: 'notes:read' }])
    const asked = { mcp_method: 'tools/call', mcp_name: 'create_note' }
    expect(await stage.toolgate.introspect(stage.credentials, access_token, asked)).toMatchObject({
      scope: 'notes:read',
      mcp: { allowed: false },
    })
    const [given] = await audited(stage.toolgate, { account_id: id, type: 'consent.given' })
    expect(given?.detail).toMatchObject({ rejected: ['notes:write', 'notes:delete'] })
  })

  it('tells a reader that writing is not for this account, and does not grant it even when it is sent', async () => {
    const { username } = await stage.toolgate.account(['reader'])
    const { visitor, page, code_verifier } = await atConsent(username)
    expect(page.forms[0]?.offered).toEqual(['notes:read'])
    const unavailable = page.html.split('your account does not allow it')[1]
    expect(unavailable).toContain('Create and change notes')
    expect(unavailable).toContain('notes:delete')
    const { code = '' } = answerOf(await visitor.submit(page, {}, ALL_SCOPES.split(' ')))
    const redeemed = await stage.toolgate.redeem(client_id, code, code_verifier)
    expect(await redeemed.json()).toMatchObject({ scope: 'notes:read' })
  })

  it('offers no Allow to somebody who may allow none of it; the way back is a denial', async () => {
    const { username, id } = await stage.toolgate.account(['reader'])
    const { visitor, page } = await atConsent(username, { scope: 'notes:write' })
    expect(page.html).toContain('your account does not allow it')
    expect(page.html).toContain('Back to the app')
    expect(page.html).not.toContain('>Allow<')
    expect(answerOf(await visitor.submit(page))).toMatchObject({ error: 'access_denied', iss: issuer })
    expect(await grants(id)).toEqual([])
  })

  it('is asked every time, also when the person is signed in already; each answer is a grant of its own', async () => {
    const { username, id } = await stage.toolgate.account()
    const { visitor, page } = await atConsent(username)
    const first = answerOf(await visitor.submit(page, {}, ['notes:read']))
    const again = await visitor.open(request().url)
    expect(again.heading).toBe('Claude wants to use Notes')
    const second = answerOf(await visitor.submit(again, {}, ['notes:read', 'notes:write']))
    expect(second.code).not.toBe(first.code)
    expect((await grants(id)).map(({ scope }) => scope)).toEqual(['notes:read', 'notes:read notes:write'])
  })

  it('is not there for another browser', async () => {
    const { username } = await stage.toolgate.account()
    const { page } = await atConsent(username)
    const elsewhere = await new Visitor(issuer).open(page.url)
    expect(elsewhere.status).toBe(404)
    expect(elsewhere.html).not.toContain(username)
  })
})

describe('a refusal by the person', () => {
  const denied = { error: 'access_denied', state: 'state-of-the-client' }

  it('at the consent page is access_denied, with the issuer, and leaves no grant', async () => {
    const { username, id } = await stage.toolgate.account()
    const { visitor, page } = await atConsent(username)
    const answer = answerOf(await visitor.refuse(page))
    expect(answer).toMatchObject({ ...denied, iss: issuer })
    expect(answer).not.toHaveProperty('code')
    expect(await grants(id)).toEqual([])
    expect(await audited(stage.toolgate, { account_id: id, type: 'authorization.denied' })).toMatchObject([
      { decision: 'denied', client_id, resource: stage.resource },
    ])
  })

  it('is also that nothing is ticked', async () => {
    const { username, id } = await stage.toolgate.account()
    const { visitor, page } = await atConsent(username)
    expect(answerOf(await visitor.submit(page, {}, []))).toMatchObject({ ...denied, iss: issuer })
    expect(await grants(id)).toEqual([])
  })

  it('is also to cancel the sign-in', async () => {
    const visitor = new Visitor(issuer)
    const login = await visitor.open(request().url)
    expect(answerOf(await visitor.refuse(login))).toMatchObject({ ...denied, iss: issuer })
  })

  it('reaches the caller of a real client as access_denied', async () => {
    const [, make] = REAL_CLIENTS[0]!
    const client = make(stage.resource)
    await client.connect()
    const visitor = new Visitor(issuer)
    const { url } = await visitor.refuse(await visitor.open(client.memory.authorization_url!))
    await expect(client.finish(url)).rejects.toMatchObject({ code: 'access_denied' })
    expect(client.memory.access_token).toBe('')
  })
})

describe('the sign-in', () => {
  it('with a wrong password says so and leaves no session; the right one then goes on', async () => {
    const { username, id } = await stage.toolgate.account()
    const visitor = new Visitor(issuer)
    const wrong = await visitor.submit(await visitor.open(request().url), {
      username,
      password: 'not this one',
    })
    expect(wrong.status).toBe(401)
    expect(wrong.html).toContain('That username and password do not match.')
    expect(wrong.html).not.toContain('not this one')
    expect((await visitor.open(request().url)).heading).toBe('Sign in')
    expect(await audited(stage.toolgate, { account_id: id, type: 'login.failed' })).toHaveLength(1)
    expect(await audited(stage.toolgate, { account_id: id, type: 'login.succeeded' })).toEqual([])
    const right = await visitor.submit(await visitor.open(request().url), { username, password: PASSWORD })
    expect(right.heading).toBe('Claude wants to use Notes')
  })

  it('answers an unknown username in the same words', async () => {
    const visitor = new Visitor(issuer)
    const login = await visitor.open(request().url)
    const unknown = await visitor.submit(login, { username: 'nobody-here', password: PASSWORD })
    expect(unknown.status).toBe(401)
    expect(unknown.html).toContain('That username and password do not match.')
  })
})

describe('a request that cannot be answered to its client', () => {
  it.each([
    ['an unknown client', () => ({ client_id: 'cl_nobody' }), 'invalid_client'],
    ['no client', () => ({ client_id: undefined }), 'invalid_request'],
    [
      'a redirect URI that is not registered',
      () => ({ redirect_uri: 'https://evil.example/cb' }),
      'redirect_uri',
    ],
    ['a longer path', () => ({ redirect_uri: `${REDIRECT_URI}/more` }), 'redirect_uri'],
  ])('%s: a page with status 400, and no redirect', async (_, parameters, named) => {
    const response = await new Visitor(issuer).request(request(parameters()).url)
    expect(response.status).toBe(400)
    expect(response.headers.get('location')).toBeNull()
    expect(response.headers.get('content-type')).toContain('text/html')
    expect(await response.text()).toContain(named)
  })
})

describe('a request that is refused to its client', () => {
  it.each([
    ['no PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['PKCE plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['PKCE without its method, which means plain', { code_challenge_method: undefined }, 'invalid_request'],
    ['another response type', { response_type: 'token' }, 'unsupported_response_type'],
    ['an unknown resource', { resource: 'https://elsewhere.example/mcp' }, 'invalid_target'],
    ['no person to be asked', { prompt: 'none' }, 'login_required'],
  ])('%s: the error, the state and the issuer come back', async (_, parameters, error) => {
    const page = await new Visitor(issuer).open(request(parameters).url)
    expect(page.left).toBe(true)
    const { searchParams, hash } = page.url
    const answer = new URLSearchParams(hash === '' ? searchParams : hash.slice(1))
    expect(answer.get('error')).toBe(error)
    expect(answer.get('iss')).toBe(issuer)
    expect(answer.get('state')).toBe('state-of-the-client')
    expect(answer.has('code')).toBe(false)
  })

  it('is recorded with its error', async () => {
    const before = await audited(stage.toolgate, { type: 'authorization.refused' })
    await new Visitor(issuer).open(request({ code_challenge: undefined }).url)
    const after = await audited(stage.toolgate, { type: 'authorization.refused' })
    expect(after).toHaveLength(before.length + 1)
    expect(after.at(-1)).toMatchObject({
      client_id,
      decision: 'denied',
      detail: { error: 'invalid_request' },
    })
  })
})

describe('a form that was not sent from its page', () => {
  const body = (page: Page, change: (fields: URLSearchParams) => void = () => undefined) => {
    const fields = new URLSearchParams(page.forms[0]?.fields)
    fields.set('scope', 'notes:read')
    change(fields)
    return fields
  }
  const FORGERIES: [string, (page: Page, other: Page) => [URLSearchParams, Record<string, string>]][] = [
    ['without the token', (page) => [body(page, (fields) => fields.delete('csrf')), {}]],
    ['with a wrong token', (page) => [body(page, (fields) => fields.set('csrf', 'x'.repeat(43))), {}]],
    [
      'with the token of another interaction',
      (page, other) => [
        body(page, (fields) => fields.set('csrf', other.forms[0]?.fields.get('csrf') ?? '')),
        {},
      ],
    ],
    ['from another origin', (page) => [body(page), { origin: 'https://evil.example' }]],
    ['from another site', (page) => [body(page), { 'sec-fetch-site': 'cross-site' }]],
    [
      'from a page without an origin',
      (page) => [body(page), { origin: 'null', 'sec-fetch-site': 'cross-site' }],
    ],
  ]
  let attacked: Awaited<ReturnType<typeof atConsent>>
  let other: Page
  let account_id: string

  beforeAll(async () => {
    const { username, id } = await stage.toolgate.account()
    account_id = id
    attacked = await atConsent(username)
    other = await new Visitor(issuer).open(request().url)
  })

  it.each(FORGERIES)('consent %s: 403, and nothing is granted', async (_, forge) => {
    const { visitor, page } = attacked
    const [form, headers] = forge(page, other)
    const response = await visitor.request(new URL(page.forms[0]!.action, issuer), form, headers)
    expect(response.status).toBe(403)
    expect(await grants(account_id)).toEqual([])
    expect(await audited(stage.toolgate, { account_id, type: 'consent.given' })).toEqual([])
  })

  it.each(FORGERIES)('deny %s: 403, and the person can still decide', async (_, forge) => {
    const { visitor, page } = attacked
    const [form, headers] = forge(page, other)
    const response = await visitor.request(new URL(page.forms.at(-1)!.action, issuer), form, headers)
    expect(response.status).toBe(403)
    expect((await visitor.open(page.url)).heading).toBe('Claude wants to use Notes')
  })

  it.each(FORGERIES)('sign-in %s: 403, and nobody is signed in', async (_, forge) => {
    const { username, id } = await stage.toolgate.account()
    const visitor = new Visitor(issuer)
    const login = await visitor.open(request().url)
    const [form, headers] = forge(login, other)
    form.set('username', username)
    form.set('password', PASSWORD)
    const response = await visitor.request(new URL(login.forms[0]!.action, issuer), form, headers)
    expect(response.status).toBe(403)
    expect((await visitor.open(request().url)).heading).toBe('Sign in')
    expect(await audited(stage.toolgate, { account_id: id, type: 'login.succeeded' })).toEqual([])
  })

  it('afterwards the person still decides, from the page', async () => {
    const { visitor, page } = attacked
    expect(answerOf(await visitor.submit(page, {}, ['notes:read']))).toHaveProperty('code')
    expect(await grants(account_id)).toHaveLength(1)
  })
})

describe('the audit log', () => {
  let account: Awaited<ReturnType<WithNotes['toolgate']['account']>>
  beforeEach(async () => {
    account = await stage.toolgate.account()
  })

  it('has every step of an authorization, in order, and no secret of it', async () => {
    const { visitor, page, code_verifier } = await atConsent(account.username)
    const { code = '' } = answerOf(await visitor.submit(page, {}, ['notes:read']))
    const redeemed = await stage.toolgate.redeem(client_id, code, code_verifier)
    const tokens = (await redeemed.json()) as { access_token: string; refresh_token: string }

    const events = await audited(stage.toolgate, { account_id: account.id })
    expect(events.map(({ type }) => type)).toEqual([
      'account.created',
      'login.succeeded',
      'consent.given',
      'authorization.granted',
      'token.issued',
    ])
    const [grant] = await grants(account.id)
    for (const event of events.slice(2))
      expect(event).toMatchObject({
        actor_kind: 'account',
        actor_id: account.id,
        client_id,
        resource: stage.resource,
        scope: 'notes:read',
        grant_id: grant?.id,
        request_id: expect.any(String),
        ip: expect.any(String),
      })
    const text = JSON.stringify(await audited(stage.toolgate))
    for (const secret of [code, code_verifier, PASSWORD, tokens.access_token, tokens.refresh_token])
      expect(text).not.toContain(secret)
  })
})
