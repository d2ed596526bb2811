// Somebody whose token was revoked or has expired, and who keeps the event stream that it opened.
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import express from 'express'
import { Hono } from 'hono'
import Koa from 'koa'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { changeAccount } from '../../src/accounts/accounts.ts'
import { revokeGrants } from '../../src/grants/grants.ts'
import { protectExpress } from '../../src/guard/adapters/express.ts'
import { protectFetchHandler } from '../../src/guard/adapters/fetch.ts'
import { protectHono } from '../../src/guard/adapters/hono.ts'
import { protectKoa } from '../../src/guard/adapters/koa.ts'
import { protectNodeHandler } from '../../src/guard/adapters/node.ts'
import { createGuard, type Guard } from '../../src/guard/index.ts'
import { TEST } from '../support/origins.ts'
import { RESOURCE, Toolgate } from '../support/toolgate.ts'

let toolgate: Toolgate
let guard: Guard
let server: Server | undefined
beforeAll(async () => {
  toolgate = await Toolgate.start()
  const { client_id, client_secret } = await toolgate.resourceServer()
  guard = createGuard({
    resource: RESOURCE,
    issuer: toolgate.issuer,
    client_id,
    client_secret,
    default_scopes: ['notes:read'],
    reports: false,
  })
})
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})
afterAll(async () => {
  await guard.close()
  await toolgate.close()
})

/** Tells something ten times a second, for as long as anybody listens. */
function stream(): ReadableStream<Uint8Array> {
  let timer: NodeJS.Timeout
  return new ReadableStream({
    start(controller) {
      const tell = () => controller.enqueue(new TextEncoder().encode('data: {}\n\n'))
      tell()
      timer = setInterval(tell, 100)
    },
    cancel: () => clearInterval(timer),
  })
}
const events = () => new Response(stream(), { headers: { 'content-type': 'text/event-stream' } })

function tellNode(response: import('node:http').ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write('data: {}\n\n')
  const timer = setInterval(() => response.write('data: {}\n\n'), 100)
  response.once('close', () => clearInterval(timer))
}

const ADAPTERS: Record<string, () => Server> = {
  node: () => createServer(protectNodeHandler(guard, (_, response) => tellNode(response))),
  express: () => {
    const app = express()
    app.use(protectExpress(guard))
    app.get('/mcp', (_, response) => tellNode(response))
    return createServer(app)
  },
  koa: () => {
    const app = new Koa()
    app.use(protectKoa(guard) as never)
    app.use((ctx) => {
      ctx.respond = false
      tellNode(ctx.res)
    })
    return createServer(app.callback())
  },
  fetch: () => createAdaptorServer({ fetch: protectFetchHandler(guard, events) }) as Server,
  hono: () => {
    const app = new Hono()
    app.use(protectHono(guard) as never)
    app.get('/mcp', events)
    return createAdaptorServer({ fetch: app.fetch }) as Server
  },
}

async function connected(start: () => Server) {
  server = start()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { person, username } = await toolgate.account()
  const { client_id } = await toolgate.register()
  const { access_token, refresh_token } = await toolgate.tokens(person(), client_id)
  const open = async () => {
    const { port } = (server as Server).address() as AddressInfo
    const answer = await fetch(`http://127.0.0.1:${port}/mcp`, {
      headers: { authorization: `Bearer ${access_token}`, accept: 'text/event-stream' },
    })
    expect(answer.status).toBe(200)
    const reader = answer.body!.getReader()
    await reader.read()
    return reader
  }
  return { username, client_id, access_token, refresh_token, open }
}

/** Resolves when the stream is over; a test that waits too long fails by its time limit. */
async function over(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
  for (;;) {
    const { done } = await reader.read().catch(() => ({ done: true }))
    if (done) return
  }
}

describe.each(Object.entries(ADAPTERS))('an event stream behind the guard for %s', (_, start) => {
  it('ends when its token is revoked, and another one goes on', async () => {
    const { client_id, refresh_token, open } = await connected(start)
    const reader = await open()
    expect((await toolgate.post('/revoke', { token: refresh_token, client_id })).status).toBe(200)
    await over(reader)
  }, 20_000)
})

describe('an event stream', () => {
  it('ends when an operator disables the account, and the stream of somebody else goes on', async () => {
    const one = await connected(ADAPTERS.node!)
    const reader = await one.open()
    const { person } = await toolgate.account()
    const other_client = await toolgate.register()
    const other = await toolgate.tokens(person(), other_client.client_id)
    const { port } = (server as Server).address() as AddressInfo
    const answer = await fetch(`http://127.0.0.1:${port}/mcp`, {
      headers: { authorization: `Bearer ${other.access_token}` },
    })
    const going_on = answer.body!.getReader()
    await changeAccount(toolgate.dependencies, one.username, { disabled: true }, TEST)
    await over(reader)
    expect((await going_on.read()).done).toBe(false)
    await going_on.cancel()
  }, 20_000)

  it('ends when an operator revokes everything of the client', async () => {
    const { client_id, open } = await connected(ADAPTERS.fetch!)
    const reader = await open()
    await revokeGrants(toolgate.dependencies, { client_id }, TEST)
    await over(reader)
  }, 20_000)

  it('ends when its token expires', async () => {
    const { access_token, open } = await connected(ADAPTERS.node!)
    const { knex } = toolgate.db.database
    await knex('access_tokens')
      .whereRaw('id = ?', [(await import('node:crypto')).createHash('sha256').update(access_token).digest()])
      .update({ expires_at: knex.raw("now() + interval '2 seconds'") })
    await over(await open())
  }, 20_000)

  it('costs no row of the audit log while nothing is revoked', async () => {
    const { open, access_token } = await connected(ADAPTERS.node!)
    const reader = await open()
    const token_id = (await import('node:crypto'))
      .createHash('sha256')
      .update(access_token)
      .digest('base64url')
    for (let n = 0; n < 20; n++) await reader.read()
    const rows = await toolgate.db.database
      .knex('audit_events')
      .where({ token_id })
      .whereIn('type', ['tool.decided', 'token.introspected'])
    // Its beginning, and what the feed could not know of before it began.
    expect(rows.length).toBeLessThanOrEqual(2)
    await reader.cancel()
  }, 20_000)
})
