import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deleteClient } from '../../src/clients/client-store.ts'
import { sweepExpired } from '../../src/storage/sweep.ts'
import { REDIRECT_URI, Toolgate } from '../support/toolgate.ts'

let toolgate: Toolgate
beforeAll(async () => {
  toolgate = await Toolgate.start()
})
afterAll(() => toolgate.close())

type Answer = Record<string, unknown> & { client_id: string; error?: string }

async function post(body: unknown, headers: Record<string, string> = {}, at = toolgate) {
  const response = await at.fetch('/register', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer }
}

/** Metadata that nothing else in this file registers. */
let count = 0
const fresh = () => ({ client_name: `Client ${++count}`, redirect_uris: [REDIRECT_URI] })
const clients = async () => Number((await toolgate.db.database.knex('clients').count({ n: '*' }))[0]?.n)

it('a body that is no object is refused in the words of RFC 7591, with a trace id', async () => {
  for (const body of ['[]', 'null', '"x"', '7']) {
    const answer = await post(body)
    expect([answer.status, answer.body]).toEqual([
      400,
      {
        error: 'invalid_client_metadata',
        error_description: 'The registration request must be a JSON object',
        trace_id: answer.headers.get('x-request-id'),
      },
    ])
  }
})

describe('the same registration', () => {
  it('within a day is the same client, with the identical answer, whatever the order of members', async () => {
    const { client_name, redirect_uris } = fresh()
    const first = await post({ client_name, redirect_uris, scope: 'notes:read', client_uri: null })
    const second = await post({ redirect_uris, client_name })
    expect([first.status, second.status]).toEqual([201, 201])
    expect(second.body).toEqual(first.body)
    expect(JSON.stringify(second.body)).not.toContain('null')
  })

  it('at the same moment is one client', async () => {
    const metadata = fresh()
    const before = await clients()
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(metadata)))
    expect(new Set(answers.map(({ body }) => body.client_id)).size).toBe(1)
    expect(await clients()).toBe(before + 1)
  })

  it('a day later is another client', async () => {
    const metadata = fresh()
    const first = await post(metadata)
    const { knex } = toolgate.db.database
    await knex('clients')
      .where({ id: first.body.client_id })
      .update({ created_at: knex.raw("now() - interval '24 hours 1 second'") })
    expect((await post(metadata)).body.client_id).not.toBe(first.body.client_id)
  })

  it('of a client with a secret is another client with another secret', async () => {
    const metadata = { ...fresh(), token_endpoint_auth_method: 'client_secret_post' }
    const [first, second] = await Promise.all([post(metadata), post(metadata)])
    expect(second.body.client_id).not.toBe(first.body.client_id)
    expect(second.body.client_secret).not.toBe(first.body.client_secret)
  })

  it.each([
    { client_name: 'Another' },
    { redirect_uris: [REDIRECT_URI, 'app:/cb'] },
    { software_version: '2' },
  ])('but for %j is another client', async (change) => {
    const metadata = fresh()
    const [first, second] = await Promise.all([post(metadata), post({ ...metadata, ...change })])
    expect(second.body.client_id).not.toBe(first.body.client_id)
  })

  it('says in the audit log that the client was there before', async () => {
    const metadata = fresh()
    const { body } = await post(metadata)
    await post(metadata)
    const details = await toolgate.db.database
      .knex('audit_events')
      .where({ type: 'client.registered', client_id: body.client_id })
      .orderBy('seq')
      .pluck('detail')
    const said = {
      client_name: metadata.client_name,
      redirect_uris: [REDIRECT_URI],
      receivers: ['127.0.0.1:33418'],
    }
    expect(details).toEqual([said, { ...said, registered_before: true }])
  })
})

describe('too many new clients from one address', () => {
  let strict: Toolgate
  beforeAll(async () => {
    strict = await Toolgate.start({
      env: { TOOLGATE_REGISTRATION_NEW_CLIENTS_PER_HOUR: '2', TOOLGATE_TRUSTED_PROXY_HOPS: '1' },
    })
  })
  afterAll(() => strict.close())
  const from = (address: string, metadata: object = fresh()) =>
    post(metadata, { 'x-forwarded-for': address }, strict)

  it('are told when to come back; those that are known, and other addresses, go on', async () => {
    const known = fresh()
    expect((await from('203.0.113.7', known)).status).toBe(201)
    // What is refused for another reason counts for nothing.
    expect((await from('203.0.113.7', { redirect_uris: ['x'] })).status).toBe(400)
    expect((await from('203.0.113.7')).status).toBe(201)
    for (const _ of [1, 2]) {
      const refused = await from('203.0.113.7')
      expect([refused.status, refused.body]).toEqual([
        429,
        {
          error: 'temporarily_unavailable',
          error_description: expect.any(String),
          trace_id: expect.any(String),
        },
      ])
      const seconds = Number(refused.headers.get('retry-after'))
      expect(seconds).toBeGreaterThan(3_500)
      expect(seconds).toBeLessThanOrEqual(3_600)
    }
    expect((await from('203.0.113.7', known)).status).toBe(201)
    expect((await from('203.0.113.8')).status).toBe(201)
  })

  it('of IPv6 count by their /64', async () => {
    const statuses = []
    for (const host of ['1', '2:2', 'ffff:ffff:ffff:ffff'])
      statuses.push((await from(`2001:db8:0:7:${host.includes(':f') ? host : `:${host}`}`)).status)
    expect(statuses).toEqual([201, 201, 429])
    expect((await from('2001:db8:0:8::1')).status).toBe(201)
  })

  it('may come again when the hour is over', async () => {
    const { knex } = strict.db.database
    await knex('login_attempts').update({ window_ends_at: knex.raw("now() - interval '1 second'") })
    expect((await from('203.0.113.7')).status).toBe(201)
  })
})

describe('who may register', () => {
  const TOKEN = 'the-initial-access-token-of-this-test'

  it('with an initial access token: whoever has it, and metadata still names the endpoint', async () => {
    const env = { TOOLGATE_REGISTRATION: 'token', TOOLGATE_REGISTRATION_TOKEN: TOKEN }
    const guarded = await Toolgate.start({ beside: toolgate, env })
    const status = async (headers: Record<string, string>) => {
      const answer = await post(fresh(), headers, guarded)
      return [answer.status, answer.body.error, answer.headers.get('www-authenticate')]
    }
    const challenge = 'Bearer realm="registration"'
    expect(await status({})).toEqual([401, 'invalid_token', challenge])
    for (const authorization of [`Bearer ${TOKEN}x`, 'Bearer', `Basic ${TOKEN}`, TOKEN])
      expect(await status({ authorization })).toEqual([
        401,
        'invalid_token',
        `${challenge}, error="invalid_token"`,
      ])
    expect(await status({ authorization: `bearer ${TOKEN}` })).toEqual([201, undefined, null])
    const metadata = await guarded.fetch('/.well-known/oauth-authorization-server')
    expect(await metadata.json()).toHaveProperty('registration_endpoint')
    await guarded.close()
  })

  it('closed: nobody, and metadata does not name the endpoint', async () => {
    const closed = await Toolgate.start({ beside: toolgate, env: { TOOLGATE_REGISTRATION: 'closed' } })
    const answer = await post(fresh(), {}, closed)
    expect([answer.status, answer.body.error]).toEqual([403, 'access_denied'])
    expect(answer.body.error_description).toMatch(/ask the operator/)
    const metadata = await closed.fetch('/.well-known/oauth-authorization-server')
    expect(await metadata.json()).not.toHaveProperty('registration_endpoint')
    await closed.close()
  })
})

describe('clients that are not there any more', () => {
  async function age(client_id: string, interval: string) {
    const { knex } = toolgate.db.database
    await knex('clients')
      .where({ id: client_id })
      .update({ created_at: knex.raw('now() - ?::interval', [interval]) })
  }

  it('are those that never got a token; one that did stays for years', async () => {
    const [used, unused] = await Promise.all([post(fresh()), post(fresh())])
    const { person } = await toolgate.account()
    const { refresh_token } = await toolgate.tokens(person(), used.body.client_id)
    for (const { body } of [used, unused]) await age(body.client_id, '5 years')
    await sweepExpired(toolgate.db.database.knex)
    expect((await toolgate.refresh(used.body.client_id, refresh_token)).status).toBe(200)
    const gone = await toolgate.refresh(unused.body.client_id, refresh_token)
    expect([gone.status, await gone.json()]).toMatchObject([401, { error: 'invalid_client' }])
  })

  it('get 401 at the token endpoint, and a page at /authorize that says what to do', async () => {
    const { client_id } = (await post(fresh())).body
    await deleteClient(toolgate.db.database.knex, client_id)
    const basic = { authorization: `Basic ${Buffer.from(`${client_id}:secret`).toString('base64')}` }
    const form = { grant_type: 'refresh_token', refresh_token: 'x'.repeat(43) }
    const answers = await Promise.all([
      toolgate.post('/token', { ...form, client_id }),
      toolgate.post('/token', form, basic),
      toolgate.redeem(client_id, 'c'.repeat(43), 'v'.repeat(43)),
      toolgate.post('/revoke', { token: 'x'.repeat(43), client_id }),
    ])
    for (const answer of answers) {
      expect([answer.status, await answer.json()]).toMatchObject([401, { error: 'invalid_client' }])
      expect(answer.headers.get('cache-control')).toContain('no-store')
    }
    expect(answers[1]?.headers.get('www-authenticate')).toMatch(/^Basic /)

    const query = new URLSearchParams({ response_type: 'code', client_id, redirect_uri: REDIRECT_URI })
    const page = await toolgate.fetch(`/authorize?${query}`)
    expect(page.status).toBe(400)
    expect(page.headers.get('content-type')).toMatch(/^text\/html/)
    const html = await page.text()
    expect(html).toContain('Remove this server from the app and add it again')
    expect(html).toContain(page.headers.get('x-request-id'))
  })
})
