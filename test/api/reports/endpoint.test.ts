import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sha256 } from '../../../src/base/digest.ts'
import {
  addResourceServerWithKeys,
  rotateResourceServerSecret,
} from '../../../src/clients/resource-servers/resource-servers.ts'
import { asserting, assertion, jwksOf, testKey } from '../../support/assertions.ts'
import { TEST } from '../../support/origins.ts'
import { RESOURCE, Toolgate } from '../../support/toolgate.ts'
import { audited } from '../../support/with-notes.ts'

let toolgate: Toolgate
let credentials: { client_id: string; client_secret: string }
let client_id: string
let account_id: string
let token_id: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  const server = await toolgate.resourceServer()
  credentials = { client_id: server.client_id, client_secret: server.client_secret }
  client_id = (await toolgate.register()).client_id
  const { person, id } = await toolgate.account()
  account_id = id
  const { access_token } = await toolgate.tokens(person(), client_id)
  token_id = sha256(access_token).toString('base64url')
})
afterAll(() => toolgate.close())

const outcome = (change: object = {}) => ({
  type: 'tool.completed',
  id: randomUUID(),
  occurred_at_ms: Date.now(),
  request_id: randomUUID(),
  sub: account_id,
  client_id,
  token_id,
  method: 'tools/call',
  name: 'search_notes',
  outcome: 'ok',
  duration_ms: 12,
  size_bytes: 345,
  arguments_sha256: 'a'.repeat(64),
  ...change,
})
const decision = (change: object = {}) => {
  const { outcome: _, duration_ms, size_bytes, arguments_sha256, ...call } = outcome()
  return { ...call, type: 'tool.decided', allowed: true, scope: 'notes:read', ...change }
}

async function post(body: unknown, headers: Record<string, string> = {}) {
  const response = await toolgate.fetch('/introspect/reports', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: JSON.parse(text || 'null') }
}
const report = (...reports: object[]) => post({ ...credentials, reports })
const recorded = (request_id: string) => audited(toolgate, { request_id })

describe('a report of what came of a call', () => {
  it('is an event of the person, grant and token, beside the decision of its request', async () => {
    const said = outcome({ outcome: 'tool_error' })
    expect(await report(said)).toMatchObject({
      status: 200,
      body: { accepted: 1, duplicates: 0, refused: [] },
    })
    const [event, ...others] = await recorded(said.request_id)
    expect(others).toEqual([])
    expect(event).toMatchObject({
      type: 'tool.completed',
      actor_kind: 'account',
      actor_id: account_id,
      account_id,
      client_id,
      resource: RESOURCE,
      tool: 'search_notes',
      decision: null,
      token_id,
      grant_id: expect.stringMatching(/^gr_/),
    })
    expect(event?.detail).toEqual({
      resource_server: credentials.client_id,
      source: 'resource_server',
      report_id: said.id,
      reported_at_ms: said.occurred_at_ms,
      method: 'tools/call',
      outcome: 'tool_error',
      duration_ms: 12,
      size_bytes: 345,
      arguments_sha256: 'a'.repeat(64),
    })
  })

  it('is taken once, however often and in whatever company it comes', async () => {
    const [one, other] = [outcome(), outcome()]
    expect((await report(one, one)).body).toMatchObject({ accepted: 1, duplicates: 1 })
    expect((await report(other, { ...one, id: one.id.toUpperCase() })).body).toMatchObject({
      accepted: 1,
      duplicates: 1,
    })
    const answers = await Promise.all(Array.from({ length: 8 }, () => report(outcome(), one, other)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(await recorded(one.request_id)).toHaveLength(1)
    expect(await recorded(other.request_id)).toHaveLength(1)
  })

  it('may have the id that another resource server used', async () => {
    const other = await toolgate.resourceServer()
    const said = outcome()
    await report(said)
    const { client_id: id, client_secret } = other
    const { body } = await post({ client_id: id, client_secret, reports: [said] })
    expect(body).toMatchObject({ accepted: 1, duplicates: 0 })
  })

  it('is refused by name when it is older than six days, or from the future', async () => {
    const old = outcome({ occurred_at_ms: Date.now() - 6 * 86_400_000 - 60_000 })
    const early = outcome({ occurred_at_ms: Date.now() + 3_600_000 + 60_000 })
    const fit = outcome({ occurred_at_ms: Date.now() - 5 * 86_400_000 })
    expect((await report(old, fit, early)).body).toEqual({
      accepted: 1,
      duplicates: 0,
      refused: [
        { id: old.id, reason: 'too_old' },
        { id: early.id, reason: 'in_future' },
      ],
    })
    expect(await recorded(old.request_id)).toEqual([])
  })
})

describe('a decision from a cache', () => {
  it('is recorded as one, said by whom, and counts as a use of the tool', async () => {
    const said = decision({ name: 'get_note' })
    await report(said, outcome({ name: 'get_note' }))
    const [event] = await recorded(said.request_id)
    expect(event).toMatchObject({ type: 'tool.decided', decision: 'allowed', tool: 'get_note', account_id })
    expect(event?.detail).toMatchObject({
      source: 'resource_server',
      needed: 'notes:read',
      report_id: said.id,
    })
    await toolgate.app.usage.flush()
    const uses = await toolgate.db.database.knex('grant_tool_uses').where({ tool: 'get_note' })
    expect(uses).toMatchObject([{ grant_id: event?.grant_id, allowed: 1 }])
  })
})

describe('whoever called, where the token is not known for this resource', () => {
  it('is known by the grant, when the token is gone', async () => {
    const said = outcome({ token_id: 'x'.repeat(43) })
    await report(said)
    const [event] = await recorded(said.request_id)
    expect(event).toMatchObject({ account_id, client_id, grant_id: expect.stringMatching(/^gr_/) })
    expect(event).toMatchObject({ token_id: null, detail: { stated_token_id: said.token_id } })
  })

  it('cannot be given the token of another resource', async () => {
    const calendar = await toolgate.resourceServer('http://calendar.test/mcp')
    const { person, id: sub } = await toolgate.account()
    await toolgate.tokens(person(), client_id)
    const resource = 'http://calendar.test/mcp'
    await toolgate.db.database.knex('grants').where({ account_id: sub }).update({ resource })
    const said = outcome({ sub })
    const { client_id: id, client_secret } = calendar
    await post({ client_id: id, client_secret, reports: [said] })
    const [event] = await recorded(said.request_id)
    expect(event).toMatchObject({ account_id: sub, token_id: null, detail: { stated_token_id: token_id } })
  })

  it('names a token as it is named everywhere, however it was sent', async () => {
    const last = token_id.at(-1) ?? ''
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const said = outcome({ token_id: `${token_id.slice(0, -1)}${letters[letters.indexOf(last) + 1]}` })
    await report(said)
    expect(await recorded(said.request_id)).toMatchObject([{ account_id, token_id }])
  })

  it('is the word of the resource server alone, and stands in nobody’s story', async () => {
    const calendar = await toolgate.resourceServer('http://calendar.test/mcp')
    const foreign = outcome()
    const unknown = outcome({ token_id: 'x'.repeat(43), sub: 'usr_nobody' })
    const { client_secret } = calendar
    const answer = await post({ client_id: calendar.client_id, client_secret, reports: [foreign, unknown] })
    // That the first token exists elsewhere, the answer does not tell.
    expect(answer.body).toEqual({ accepted: 2, duplicates: 0, refused: [] })
    for (const said of [foreign, unknown]) {
      const [event] = await recorded(said.request_id)
      expect(event).toMatchObject({
        actor_kind: 'resource_server',
        actor_id: calendar.client_id,
        account_id: null,
        client_id: null,
        grant_id: null,
        token_id: null,
        resource: 'http://calendar.test/mcp',
        detail: { stated_account_id: said.sub, stated_client_id: client_id, stated_token_id: said.token_id },
      })
    }
  })
})

describe('a resource server', () => {
  it('proves itself as for introspection: by header, by body, by signature', async () => {
    const basic = Buffer.from(`${credentials.client_id}:${credentials.client_secret}`).toString('base64')
    const header = { authorization: `Basic ${basic}` }
    expect(await post({ reports: [outcome()] }, header)).toMatchObject({ status: 200 })
    const key = testKey('ES256')
    const jwks = jwksOf(key)
    await addResourceServerWithKeys(toolgate.dependencies, { id: 'rs_k', resource: RESOURCE, jwks }, TEST)
    const signed = asserting(assertion(key, { id: 'rs_k', aud: toolgate.issuer }))
    expect(await post({ ...signed, reports: [outcome()] })).toMatchObject({ status: 200 })
    const forged = asserting(assertion(testKey('ES256'), { id: 'rs_k', aud: toolgate.issuer }))
    expect(await post({ ...forged, reports: [outcome()] })).toMatchObject({ status: 401 })
    expect(await post({ ...signed, ...credentials, reports: [outcome()] })).toMatchObject({ status: 400 })
  })

  it('is refused with a challenge, on the record, when it does not', async () => {
    for (const wrong of [
      {},
      { ...credentials, client_secret: 'wrong' },
      { client_id: 'nobody', client_secret: 'x' },
    ]) {
      const { status, headers, body } = await post({ ...wrong, reports: [outcome()] })
      expect([status, body.error]).toEqual([401, 'invalid_client'])
      expect(headers.get('www-authenticate')).toMatch(/^Basic /)
    }
    const refused = await audited(toolgate, { type: 'introspection.refused', actor_kind: 'unauthenticated' })
    expect(refused.map(({ detail }) => detail)).toContainEqual({ presented_client_id: 'nobody' })
  })

  it('is refused from the moment its secret was replaced', async () => {
    const { client_id: id, client_secret } = await toolgate.resourceServer()
    const own = (secret: string) => post({ client_id: id, client_secret: secret, reports: [outcome()] })
    expect(await own(client_secret)).toMatchObject({ status: 200 })
    const replaced = await rotateResourceServerSecret(toolgate.dependencies, id, TEST)
    expect(await own(client_secret)).toMatchObject({ status: 401 })
    expect(await own(replaced.client_secret)).toMatchObject({ status: 200 })
  })
})

describe('what is no report', () => {
  it.each<[string, () => unknown]>([
    ['101 of them', () => ({ ...credentials, reports: Array.from({ length: 101 }, () => outcome()) })],
    ['none of them', () => ({ ...credentials, reports: [] })],
    ['an unknown member', () => ({ ...credentials, reports: [outcome({ arguments: { text: 'secret' } })] })],
    ['an unknown member beside', () => ({ ...credentials, resource: 'x', reports: [outcome()] })],
    ['another type of event', () => ({ ...credentials, reports: [outcome({ type: 'grant.revoked' })] })],
    ['an outcome of a decision', () => ({ ...credentials, reports: [decision({ outcome: 'ok' })] })],
    ['an id that is no UUID', () => ({ ...credentials, reports: [outcome({ id: '1' })] })],
    ['a fraction', () => ({ ...credentials, reports: [outcome({ duration_ms: 0.5 })] })],
    ['a number below zero', () => ({ ...credentials, reports: [outcome({ size_bytes: -1 })] })],
    ['a token itself', () => ({ ...credentials, reports: [outcome({ token_id: `tgp_${'a'.repeat(49)}` })] })],
    ['a NUL', () => ({ ...credentials, reports: [outcome({ name: 'a\0b' })] })],
    [
      'a name of 3,000 characters',
      () => ({ ...credentials, reports: [outcome({ name: 'a'.repeat(3_000) })] }),
    ],
    ['no JSON', () => '{"reports":'],
    ['a list', () => []],
  ])('%s is refused as a whole, and says nothing that was sent', async (_, body) => {
    const before = (await audited(toolgate)).length
    const answer = await post(body())
    expect(answer.status).toBe(400)
    expect(answer.body.error).toBe('invalid_request')
    expect(JSON.stringify(answer.body)).not.toMatch(/secret|tgp_/)
    expect(await audited(toolgate)).toHaveLength(before)
  })

  it('is 413 above half a megabyte, 415 in another form, 405 by another method, and never open to pages', async () => {
    const large = { ...credentials, reports: [outcome({ name: 'a'.repeat(600_000) })] }
    expect(await post(large)).toMatchObject({ status: 413 })
    expect(await post('reports=1', { 'content-type': 'text/plain' })).toMatchObject({ status: 415 })
    const got = await toolgate.fetch('/introspect/reports', { headers: { origin: 'https://evil.test' } })
    expect(got.status).toBe(405)
    expect(got.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('is never answered with 500', async () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', '\0', '\ud800', ''))
    const hostile = fc.record(
      Object.fromEntries(Object.keys(outcome()).map((name) => [name, fc.oneof(text, fc.jsonValue())])),
      { requiredKeys: [] },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(hostile, { maxLength: 3 }), text, async (changes, extra) => {
        const reports = changes.map((change) => outcome(change))
        const { status } = await post({ ...credentials, [extra]: extra, reports })
        expect([200, 400, 401]).toContain(status)
      }),
      { numRuns: 40 },
    )
  })
})

it('is named in the metadata', async () => {
  const response = await toolgate.fetch('/.well-known/oauth-authorization-server')
  const toolgate_reports_endpoint = `${toolgate.issuer}/introspect/reports`
  expect(await response.json()).toMatchObject({ toolgate_reports_endpoint })
})
