import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { OPERATOR_SCOPES } from '../../src/accounts/operator-scopes.ts'
import { createOperatorToken } from '../../src/accounts/operator-tokens.ts'
import { TEST } from '../support/origins.ts'
import { REDIRECT_URI, RESOURCE, Toolgate } from '../support/toolgate.ts'

/** Clients, resource servers and operator tokens over the API. */
let toolgate: Toolgate
let admin: string
let reader: string
const DOCUMENT = 'https://app.example/client.json?v=1'

beforeAll(async () => {
  toolgate = await Toolgate.start()
  admin = await tokenWith(OPERATOR_SCOPES)
  reader = await tokenWith(['operator:read'])
})
afterAll(() => toolgate.close())

async function tokenWith(scopes: readonly string[]): Promise<string> {
  return (await createOperatorToken(toolgate.dependencies, { name: 'x', days: 1, scopes }, TEST)).token
}

type Credentials = { client_id: string; client_secret: string }
type Body = Credentials & { id: string; token: string; blocked: boolean; [list: string]: unknown }
type Answer = { status: number; body: Body }

async function ask(method: string, path: string, body?: object, token = admin): Promise<Answer> {
  const response = await toolgate.fetch(`/operator/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as Body }
}

const stored = async () => {
  const { knex } = toolgate.db.database
  const tables = ['clients', 'resource_servers', 'operator_tokens', 'audit_events']
  return JSON.stringify(await Promise.all(tables.map((table) => knex(table).select('*'))))
}

describe('clients', () => {
  it('are added, shown, given another secret and forgotten; the secret is in one answer only', async () => {
    const made = await ask('POST', '/clients', {
      name: 'Tickets',
      redirect_uris: [REDIRECT_URI],
      confidential: true,
    })
    const { client_id, client_secret } = made.body
    expect(made.status).toBe(201)
    const shown = await ask('GET', `/clients/${client_id}`)
    expect(shown.body).toMatchObject({ client_id, origin: 'operator', name: 'Tickets', block: null })
    const rotated = await ask('POST', `/clients/${client_id}/rotate-secret`)
    expect(rotated.body.client_secret).not.toBe(client_secret)
    for (const secret of [client_secret, rotated.body.client_secret]) {
      expect(JSON.stringify([shown.body, (await ask('GET', '/clients')).body])).not.toContain(secret)
      expect(await stored()).not.toContain(secret)
    }
    expect(JSON.stringify(shown.body)).not.toContain('sha256:')
    expect(await ask('POST', `/clients/${client_id}/forget`, { reason: 'not needed' })).toEqual({
      status: 200,
      body: { revoked: [] },
    })
    expect((await ask('GET', `/clients/${client_id}`)).status).toBe(404)
  })

  it('that are URLs are named in a path percent-encoded', async () => {
    const path = `/clients/${encodeURIComponent(DOCUMENT)}`
    const blocked = await ask('POST', `${path}/block`, { reason: 'spies' })
    expect(blocked).toMatchObject({ status: 200, body: { client_id: DOCUMENT, revoked: [] } })
    expect((await ask('GET', path)).body).toMatchObject({
      client_id: DOCUMENT,
      origin: 'none',
      blocked: true,
      block: { reason: 'spies', blocked_by: expect.stringMatching(/^operator_token:opt_/) },
    })
    expect((await ask('GET', '/clients?blocked=true')).body.clients).toMatchObject([{ client_id: DOCUMENT }])
    expect((await ask('POST', `${path}/unblock`)).body).toEqual({ client_id: DOCUMENT, unblocked: true })
    expect((await ask('POST', `${path}/unblock`)).body).toEqual({ client_id: DOCUMENT, unblocked: false })
  })

  it('are not blocked without a reason, nor changed by who may only read', async () => {
    const { client_id } = await toolgate.register()
    expect((await ask('POST', `/clients/${client_id}/block`, {})).status).toBe(400)
    for (const path of ['block', 'unblock', 'forget', 'rotate-secret'])
      expect((await ask('POST', `/clients/${client_id}/${path}`, { reason: 'x' }, reader)).status).toBe(403)
    expect((await ask('GET', `/clients/${client_id}`, undefined, reader)).body.blocked).toBe(false)
  })

  it.each([
    '/clients/%zz',
    '/clients/%00',
    '/clients?after=x',
    '/clients?origin=friends',
    '/clients?limit=0',
  ])('%s is a clear 4xx', async (path) => {
    const { status } = await ask('GET', path)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
  })
})

describe('resource servers', () => {
  it('are added with a secret that opens introspection, rotated, and removed', async () => {
    const { person } = await toolgate.account()
    const { client_id } = await toolgate.register()
    const { access_token } = await toolgate.tokens(person(), client_id)
    const made = (await ask('POST', '/resource-servers', { resource: RESOURCE, id: 'notes' })).body
    expect(await toolgate.introspect(made, access_token)).toMatchObject({ active: true })
    const rotated = (await ask('POST', '/resource-servers/notes/rotate-secret')).body
    await expect(toolgate.introspect(made, access_token)).rejects.toThrow('401')
    expect(await toolgate.introspect(rotated, access_token)).toMatchObject({ active: true })
    const { body } = await ask('GET', '/resource-servers?limit=1')
    expect(body.resource_servers).toMatchObject([{ id: 'notes', authentication: 'client_secret' }])
    expect(await stored()).not.toContain(rotated.client_secret)
    expect(await ask('DELETE', '/resource-servers/notes')).toEqual({
      status: 200,
      body: { removed: 'notes' },
    })
    await expect(toolgate.introspect(rotated, access_token)).rejects.toThrow('401')
    expect((await ask('DELETE', '/resource-servers/notes')).status).toBe(404)
  })

  it('with keys of no use are refused with the key and its fault', async () => {
    const refused = await ask('POST', '/resource-servers', {
      resource: RESOURCE,
      jwks: { keys: [{ kty: 'oct' }] },
    })
    expect([refused.status, JSON.stringify(refused.body)]).toEqual([400, expect.stringContaining('Key 1')])
  })
})

describe('operator tokens', () => {
  it('are made with scopes, open what these open and no more, and end when revoked, however often', async () => {
    const { id, token } = (
      await ask('POST', '/operator-tokens', { name: 'robot', scopes: ['operator:revoke'] })
    ).body
    expect(
      (await ask('GET', '/operator-tokens?limit=1', undefined, token)).body.operator_tokens,
    ).toMatchObject([
      {
        id,
        name: 'robot',
        scope: 'operator:revoke',
        created_by: expect.stringMatching(/^operator_token:opt_/),
      },
    ])
    expect((await ask('POST', '/operator-tokens', { name: 'more' }, token)).status).toBe(403)
    expect((await ask('POST', `/operator-tokens/${id}/revoke`, undefined, token)).body).toEqual({
      revoked: [id],
    })
    expect((await ask('GET', '/operator-tokens', undefined, token)).status).toBe(401)
    expect((await ask('POST', `/operator-tokens/${id}/revoke`)).body).toEqual({ revoked: [] })
  })
})
