import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { introspectionShortCut } from '../../../src/api/introspection/short-cut.ts'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import { serveRaw } from '../../http/raw-http.ts'
import { send } from '../../support/send.ts'
import { Toolgate } from '../../support/toolgate.ts'

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

describe('with an issuer that has a path, the short cut', () => {
  const PATHS = ['/auth/introspect', '/introspect', '/auth/introspect/', '/auth/introspect?x=1']

  it('is taken below the path and nowhere else', async () => {
    const batch = { ask: async () => ({ status: 200, body: { active: false } }) }
    const issuer = 'http://localhost:4000/auth'
    const rest = (_: unknown, res: ServerResponse) => res.writeHead(404).end()
    const server = await serveRaw(introspectionShortCut({ batch: batch as never, issuer }, rest))
    const statuses = []
    for (const path of PATHS) {
      const headers = { host: 'localhost:4000' }
      const body = new URLSearchParams({ token: 'x', client_id: 'x', client_secret: 'x' })
      const url = `http://127.0.0.1:${server.port}${path}`
      statuses.push((await send(url, { method: 'POST', headers, body })).status)
    }
    expect(statuses).toEqual([200, 404, 404, 404])
    await server.close()
  })
})
