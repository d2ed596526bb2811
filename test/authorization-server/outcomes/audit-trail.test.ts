import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import type { AuditRow } from '../../../src/audit-chain/hash-chain.ts'
import { sha256 } from '../../../src/base/digest.ts'
import { REDIRECT_URI, RESOURCE, type Tokens, Toolgate } from '../../support/toolgate.ts'

/** Every outcome of a protocol request is one event, named by the request's id, without anything that opens something. */
let toolgate: Toolgate
let client_id: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  client_id = (await toolgate.register()).client_id
})
afterAll(() => toolgate.close())

async function eventsOf(work: (headers: Record<string, string>) => Promise<Response>): Promise<AuditRow[]> {
  const request_id = `test-${randomBytes(8).toString('hex')}`
  const response = await work({ 'x-request-id': request_id })
  // A token request is named after the attempt it belongs to, whatever id it came with.
  const recorded_as = response.headers.get('x-request-id')
  const { events } = await pageEvents(toolgate.db.database.knex, {}, 1_000)
  return events.filter(
    (event) =>
      event.request_id === recorded_as &&
      event.type !== 'authorization.granted' &&
      event.type !== 'consent.given' &&
      event.type !== 'login.succeeded',
  )
}

const nameOf = (bearer: string) => sha256(bearer).toString('base64url')

const registration = (body: object) => (headers: Record<string, string>) =>
  toolgate.fetch('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
const form = (path: string, parameters: Record<string, string>) => (headers: Record<string, string>) =>
  toolgate.post(path, parameters, headers)

describe('a registration', () => {
  it('that is taken is recorded with what people will read', async () => {
    const events = await eventsOf(registration({ client_name: 'App', redirect_uris: [REDIRECT_URI] }))
    expect(events).toMatchObject([
      {
        type: 'client.registered',
        client_id: expect.stringMatching(/^cl_/),
        detail: { client_name: 'App', redirect_uris: [REDIRECT_URI], receivers: ['127.0.0.1:33418'] },
      },
    ])
  })

  it('that is refused is recorded with the reason', async () => {
    expect(await eventsOf(registration({ redirect_uris: ['javascript:alert(1)'] }))).toMatchObject([
      { type: 'client.registration_refused', detail: { status: '400', error: 'invalid_redirect_uri' } },
    ])
  })
})

describe('a token request', () => {
  it('that is refused is recorded once, with the client where there is one', async () => {
    const refresh_token = randomBytes(32).toString('base64url')
    const events = await eventsOf(form('/token', { grant_type: 'refresh_token', client_id, refresh_token }))
    expect(events).toMatchObject([
      {
        type: 'token.refused',
        actor_kind: 'unauthenticated',
        client_id,
        decision: 'denied',
        detail: { error: 'invalid_grant' },
      },
    ])
    expect(JSON.stringify(events)).not.toContain(refresh_token)
  })

  it.each([
    ['of nobody', { grant_type: 'refresh_token', client_id: 'cl_nobody', refresh_token: 'A'.repeat(43) }],
    ['of no kind', { client_id: 'x' }],
    ['of another kind', { grant_type: 'password', username: 'kim', password: 'hunter2' }],
    ['without anything', {}],
  ])('%s is recorded as anonymous or as its client, without what it sent', async (_, parameters) => {
    const events = await eventsOf(form('/token', parameters))
    expect(events).toMatchObject([{ type: 'token.refused', decision: 'denied' }])
    expect(JSON.stringify(events)).not.toContain('hunter2')
  })

  it('that is granted names the token by its hash', async () => {
    const { person, id } = await toolgate.account()
    const { code, code_verifier } = await toolgate.authorize(person(), client_id)
    let access_token = ''
    const events = await eventsOf(async (headers) => {
      const redirect_uri = REDIRECT_URI
      const parameters = { grant_type: 'authorization_code', client_id, code, code_verifier, redirect_uri }
      const response = await toolgate.post('/token', parameters, headers)
      ;({ access_token } = (await response.clone().json()) as { access_token: string })
      return response
    })
    expect(events).toMatchObject([
      {
        type: 'token.issued',
        account_id: id,
        client_id,
        resource: RESOURCE,
        token_id: nameOf(access_token),
      },
    ])
    expect(JSON.stringify(events)).not.toContain(access_token)
    expect(JSON.stringify(events)).not.toContain(code)
  })

  it('is linked from the code to the tokens, and from each refresh token to the next', async () => {
    const { person } = await toolgate.account()
    const { code, code_verifier } = await toolgate.authorize(person(), client_id)
    const first = (await (await toolgate.redeem(client_id, code, code_verifier)).json()) as Tokens
    const second = (await (await toolgate.refresh(client_id, first.refresh_token)).json()) as Tokens
    await toolgate.refresh(client_id, first.refresh_token)
    const { events } = await pageEvents(toolgate.db.database.knex, {}, 4)
    const [granted, issued, refreshed, replayed] = events.reverse()
    const link = (from: object, to: Tokens) => ({ ...from, refresh_token_id: nameOf(to.refresh_token) })
    expect(granted).toMatchObject({ type: 'authorization.granted', detail: { code_id: nameOf(code) } })
    expect(issued).toMatchObject({ type: 'token.issued', detail: link({ code_id: nameOf(code) }, first) })
    const spent = { spent_refresh_token_id: nameOf(first.refresh_token) }
    const again = { token_id: nameOf(second.access_token), detail: link(spent, second) }
    expect(refreshed).toMatchObject({ type: 'token.refreshed', ...again })
    expect(replayed).toMatchObject({ type: 'refresh_token.replayed', ...again })
    expect(new Set([granted, issued, refreshed, replayed].map((event) => event?.grant_id)).size).toBe(1)
  })

  it('twice for one code names the code, the grant that ended, and whose it was', async () => {
    const { person, id } = await toolgate.account()
    const { code, code_verifier } = await toolgate.authorize(person(), client_id)
    await toolgate.redeem(client_id, code, code_verifier)
    await toolgate.redeem(client_id, code, code_verifier)
    const { events } = await pageEvents(toolgate.db.database.knex, { account_id: id }, 1)
    expect(events).toMatchObject([
      {
        type: 'refresh_token.reused',
        grant_id: expect.stringMatching(/^gr_/),
        detail: { presented: 'authorization_code', presented_id: nameOf(code) },
      },
    ])
  })
})

describe('a revocation', () => {
  it('of a token that is not there is recorded as not found, and of one that is with its grant', async () => {
    expect(await eventsOf(form('/revoke', { client_id, token: 'A'.repeat(43) }))).toMatchObject([
      { type: 'token.revoked', client_id, grant_id: null, detail: { found: false } },
    ])
    const { person, id } = await toolgate.account()
    const { refresh_token } = await toolgate.tokens(person(), client_id)
    expect(await eventsOf(form('/revoke', { client_id, token: refresh_token }))).toMatchObject([
      {
        type: 'token.revoked',
        account_id: id,
        grant_id: expect.any(String),
        detail: { found: true, token: 'refresh_token' },
      },
    ])
  })

  it('of another client’s token is recorded, and says nothing about the token', async () => {
    const { person, id } = await toolgate.account()
    const { refresh_token } = await toolgate.tokens(person(), client_id)
    const other = await toolgate.register({ client_name: 'Another client' })
    const events = await eventsOf(form('/revoke', { client_id: other.client_id, token: refresh_token }))
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ client_id: other.client_id, grant_id: null })
    expect(JSON.stringify(events)).not.toContain(id)
  })
})

describe('a request with a hostile id or address', () => {
  it('gets an id of ours', async () => {
    for (const sent of ['x', '../../etc/passwd', 'a b c d e f g', 'x'.repeat(65), '{{7*7}}-long-enough']) {
      const response = await toolgate.post('/token', {}, { 'x-request-id': sent })
      expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    }
  })
})
