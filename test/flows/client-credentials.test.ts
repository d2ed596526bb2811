import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sha256 } from '../../src/base/digest.ts'
import { secretDigest } from '../../src/clients/client-secret.ts'
import { insertClient } from '../../src/clients/client-store.ts'
import { insertResourceServer } from '../../src/clients/resource-servers/resource-server-store.ts'
import { basic, ENCODERS, headersLike, vschars } from '../support/basic-credentials.ts'
import { REDIRECT_URI, RESOURCE, Toolgate } from '../support/toolgate.ts'

/** The doors at which somebody authenticates: ours, and those of the engine. What one takes, the others take. */
const SECRET = 'a-secret_of-43~characters.+/= %that:is(hard)'
const FORM = 'application/x-www-form-urlencoded'

let toolgate: Toolgate
let id: string
let open_id: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  id = await somebody(SECRET)
  open_id = (await toolgate.register()).client_id
})
afterAll(() => toolgate.close())

/** A client and a resource server of one name and secret. */
async function somebody(secret: string): Promise<string> {
  const { knex } = toolgate.db.database
  const name = `both_ways-${randomUUID()}`
  await insertClient(knex, name, {
    client_id: name,
    client_secret: secretDigest(secret),
    token_endpoint_auth_method: 'client_secret_basic',
    redirect_uris: [REDIRECT_URI],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  })
  await insertResourceServer(knex, {
    id: name,
    resource: RESOURCE,
    credential_hash: sha256(secret),
    jwks: null,
  })
  return name
}

type Sent = { form?: Record<string, string>; headers?: Record<string, string> }
type Answer = { status: number; error: string | undefined; challenge: boolean }

const DOORS = ['/introspect', '/revoke', '/token']

/** What a door says: `in` for somebody who is let in. */
async function ask(path: string, { form = {}, headers = {} }: Sent): Promise<Answer | 'in'> {
  const asked =
    path === '/token' ? { grant_type: 'refresh_token', refresh_token: 'x'.repeat(43) } : { token: 'x' }
  const response = await toolgate.post(path, { ...asked, ...form }, headers)
  const { error } = (await response.json().catch(() => ({}))) as { error?: string }
  if (response.status === 200 || error === 'invalid_grant') return 'in'
  const challenge = response.headers.get('www-authenticate')?.startsWith('Basic ') ?? false
  return { status: response.status, error, challenge }
}

async function askAll(sent: Sent): Promise<(Answer | 'in')[]> {
  return Promise.all(DOORS.map((path) => ask(path, sent)))
}
const all = (answer: Partial<Answer> | 'in') =>
  DOORS.map(() => (answer === 'in' ? 'in' : expect.objectContaining(answer)))
const REFUSED = { status: 401, error: 'invalid_client', challenge: true }

describe('every door', () => {
  it.each(Object.entries(ENCODERS))('takes a secret from the encoder %s', async (_, encode) => {
    const authorization = basic(`${encode(id)}:${encode(SECRET)}`)
    expect(await askAll({ headers: { authorization } })).toEqual(all('in'))
  })

  it('takes any secret, by the header and by the form', async () => {
    const property = fc.asyncProperty(
      vschars,
      fc.constantFrom(...Object.values(ENCODERS)),
      async (client_secret, encode) => {
        const client_id = await somebody(client_secret)
        const authorization = basic(`${encode(client_id)}:${encode(client_secret)}`)
        expect(await askAll({ headers: { authorization } })).toEqual(all('in'))
        expect(await askAll({ form: { client_id, client_secret } })).toEqual(all('in'))
        const wrong = basic(`${encode(client_id)}:${encode(`${client_secret}x`)}`)
        expect(await askAll({ headers: { authorization: wrong } })).toEqual(all(REFUSED))
      },
    )
    await fc.assert(property, { numRuns: 30 })
  })

  it('says the same of the same header', async () => {
    // Before a client is asked for, both refuse what they cannot read; what cannot be sent in a header is no case.
    const headers = headersLike(id, SECRET)
      .map((header) => header.trim())
      .filter((header) => header !== '')
    const property = fc.asyncProperty(headers, async (authorization) => {
      const [first, ...others] = await askAll({ headers: { authorization }, form: { client_id: id } })
      expect(others).toEqual(others.map(() => first))
    })
    await fc.assert(property, { numRuns: 300 })
  })

  it.each([
    ...['Basic', 'Basic %%%%', 'Basic a b', 'Basic YTpi,YTpi'],
    ...['%:x', 'x:%zz', 'x:é', ':x', 'no colon', 'x:%00'].map(basic),
  ])('answers 401 and how to authenticate to %j', async (authorization) => {
    expect(await askAll({ headers: { authorization } })).toEqual(all(REFUSED))
  })

  it('answers 400 to several ways at once, and to two names', async () => {
    const authorization = basic(`${id}:x`)
    const assertion = { client_assertion: 'x', client_assertion_type: 'x' }
    for (const sent of [
      { headers: { authorization }, form: { client_secret: 'x' } },
      { headers: { authorization }, form: assertion },
      { form: { client_id: id, client_secret: 'x', ...assertion } },
      { headers: { authorization }, form: { client_id: 'somebody-else' } },
      { form: { client_assertion: 'x' } },
    ])
      expect(await askAll(sent)).toEqual(all({ status: 400, error: 'invalid_request' }))
  })

  it('reads a form whatever charset its media type names, and no other body', async () => {
    const form = { client_id: id, client_secret: SECRET }
    for (const charset of ['ISO-8859-1', 'utf-16', 'nonsense', '"UTF-8"'])
      expect(await askAll({ form, headers: { 'content-type': `${FORM}; charset=${charset}` } })).toEqual(
        all('in'),
      )
    for (const type of ['text/plain', 'application/json', `${FORM}x`])
      expect(await askAll({ form, headers: { 'content-type': type } })).toEqual(
        all({ status: 415, error: 'invalid_request' }),
      )
  })

  it('takes an empty parameter for an absent one, refuses one that is repeated, and 16 KB and more', async () => {
    const form = { client_id: id, client_secret: SECRET }
    expect(await askAll({ form: { ...form, client_assertion: '', scope: '' } })).toEqual(all('in'))
    for (const path of DOORS) {
      const send = (body: string) =>
        toolgate.fetch(path, { method: 'POST', body, headers: { 'content-type': FORM } })
      const repeated = await send(`token=x&client_id=${id}&client_id=${id}`)
      expect([path, repeated.status]).toEqual([path, 400])
      const large = await send(`token=x&client_id=${id}&filling=${'é'.repeat(8 * 1024)}`)
      expect([path, large.status]).toEqual([path, 413])
    }
    expect(await askAll({ form: { ...form, filling: 'x'.repeat(15 * 1024) } })).toEqual(all('in'))
  })
})

describe('a public client', () => {
  it.each<[string, Sent]>([
    ['its name alone', {}],
    ['an empty header', { headers: { authorization: '' } }],
    [
      'a bearer token that was meant for the MCP server',
      { headers: { authorization: 'Bearer tgp_expired' } },
    ],
    ['its name as Basic, without a secret', { headers: { authorization: basic('ID:') } }],
  ])('gets on with %s', async (_, { headers = {} }) => {
    const authorization = headers.authorization?.replace(
      basic('ID:'),
      basic(`${encodeURIComponent(open_id)}:`),
    )
    const sent = {
      form: { client_id: open_id },
      headers: authorization === undefined ? {} : { authorization },
    }
    for (const path of ['/token', '/revoke']) expect([path, await ask(path, sent)]).toEqual([path, 'in'])
  })

  it('is none that introspects', async () => {
    expect(await ask('/introspect', { form: { client_id: open_id } })).toEqual(REFUSED)
  })
})
