import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageEvents } from '../../src/audit/audit-store.ts'
import { Toolgate } from '../support/toolgate.ts'

let toolgate: Toolgate
let credentials: { client_id: string; client_secret: string }
let token: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  const { person } = await toolgate.account()
  const { client_id } = await toolgate.register()
  credentials = await toolgate.resourceServer()
  token = (await toolgate.tokens(person(), client_id)).access_token
})
afterAll(() => toolgate.close())

/** The short cut compares Host as it stands; the middleware behind it, without regard to case. */
const WAYS = ['short', 'long'] as const

function ask(way: (typeof WAYS)[number], form: Record<string, string>, headers: Record<string, string> = {}) {
  const { host } = new URL(toolgate.issuer)
  const { client_id, client_secret } = credentials
  return toolgate.post(
    '/introspect',
    { client_id, client_secret, ...form },
    { host: way === 'long' ? host.toUpperCase() : host, ...headers },
  )
}

async function everything(response: Response) {
  const { 'x-request-id': _, date: __, ...headers } = Object.fromEntries(response.headers)
  return { status: response.status, headers, body: await response.json() }
}

async function recordedAs(request_id: string): Promise<string[]> {
  const { events } = await pageEvents(toolgate.db.database.knex, {}, 100)
  return events.filter((event) => event.request_id === request_id).map(({ type }) => type)
}

describe('the short cut', () => {
  it.each([
    ['a live token', () => ({ token })],
    ['a tool that is allowed', () => ({ token, mcp_method: 'tools/call', mcp_name: 'create_note' })],
    ['a tool that is denied', () => ({ token, mcp_method: 'tools/call', mcp_name: 'delete_note' })],
    ['a token nobody knows', () => ({ token: 'x' })],
    ['no token', () => ({})],
    ['a wrong secret', () => ({ token, client_secret: 'wrong' })],
    ['a body that is too large', () => ({ token: 'x'.repeat(20_000) })],
  ])('answers %s as the long way does, headers included', async (_, form) => {
    const [short, long] = await Promise.all(WAYS.map(async (way) => everything(await ask(way, form()))))
    expect(short).toEqual(long)
  })

  it.each([
    ['an answer', () => ({ token }), 'token.introspected'],
    ['a refusal', () => ({ token, client_secret: 'wrong' }), 'introspection.refused'],
  ])('records %s once, under the request id of the response', async (_, form, type) => {
    const response = await ask('short', form())
    expect(await recordedAs(response.headers.get('x-request-id') ?? '')).toEqual([type])
  })

  it('keeps the request id that the caller offers', async () => {
    const response = await ask('short', { token }, { 'x-request-id': 'request-of-the-caller' })
    expect(response.headers.get('x-request-id')).toBe('request-of-the-caller')
    expect(await recordedAs('request-of-the-caller')).toEqual(['token.introspected'])
  })
})
