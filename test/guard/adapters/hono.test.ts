import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type GuardedByHono, protectHono } from '../../../src/guard/adapters/hono.ts'
import type { Guard } from '../../../src/guard/index.ts'
import { poisonParser } from '../../support/poisoned-parser.ts'
import { serving } from './serving.ts'
import { call, escapedCall, headersOf, LIST, post } from './suite/messages.ts'
import { Stage } from './suite/stage.ts'
import { describeGuarantees } from './suite.ts'
import { serveByHono } from './ways-to-serve.ts'

describeGuarantees('protectHono', serveByHono)

function appBehind(guard: Guard) {
  const app = new Hono<{ Variables: GuardedByHono }>()
  app.use('/read-before', async (context, next) => {
    await context.req.json()
    await next()
  })
  app.use('/gone', async (context, next) => {
    await context.req.raw.text()
    await next()
  })
  app.use(protectHono(guard))
  app.post('/events', (context) =>
    streamSSE(context, async (stream) => {
      for (const data of ['a', 'b']) await stream.writeSSE({ data })
    }),
  )
  app.post('/fails', () => {
    throw new Error('the disk is full')
  })
  app.post('*', async (context) =>
    context.json({
      body: await context.req.json(),
      parsed: context.get('parsedBody'),
      client: context.get('auth').clientId,
    }),
  )
  return app.onError((_error, context) => context.json({ error: 'server_error' }, 500))
}

describe('protectHono', () => {
  let guard: Guard
  const stage = new Stage((behind) => {
    guard = behind.guard
    const { fetch } = appBehind(guard)
    return serving(behind, createAdaptorServer({ fetch }) as Server)
  })
  beforeAll(() => stage.open())
  afterAll(() => stage.close())

  it.each(['/mcp', '/read-before'])('hands on what it decided about at %s, for all to read', async (path) => {
    const response = await post(stage.oauth.origin + path, LIST)
    expect(await response.json()).toEqual({ body: LIST, parsed: LIST, client: 'c' })
    expect((await post(stage.oauth.origin + path, call('create_note'))).status).toBe(403)
  })

  it('hands on a body in which no engine misreads the names that were decided about', async () => {
    const text = escapedCall('get_note', { id: '1' })
    poisonParser(text)
    const decided = call('get_note', 1, { id: '1' })
    const response = await post(stage.oauth.url, text)
    expect(await response.json()).toEqual({ body: decided, parsed: decided, client: 'c' })
  })

  it('lets nobody through whose body was read and is gone', async () => {
    expect((await post(`${stage.oauth.origin}/gone`, LIST)).status).toBe(400)
  })

  it("hears Hono's own streams, and what its error handler answers", async () => {
    const { origin, heard } = stage.oauth
    const events = await (await post(`${origin}/events`, LIST)).text()
    expect(heard.at(-1)).toMatchObject({ status: 200, content_type: 'text/event-stream', body: events })
    expect((await post(`${origin}/fails`, LIST)).status).toBe(500)
    expect(heard.at(-1)).toMatchObject({ status: 500, body: '{"error":"server_error"}' })
  })

  it('needs no server of Node', async () => {
    const init = { method: 'POST', headers: headersOf('reader'), body: JSON.stringify(LIST) }
    const response = await appBehind(guard).request('http://notes.test/mcp', init)
    expect(await response.json()).toMatchObject({ parsed: LIST })
  })

  it('serves nobody in mode none where the runtime does not say who is at the other end', async () => {
    const place = await stage.place({ mode: 'none' })
    expect((await post(place.url, LIST, undefined)).status).toBe(200)
    const init = {
      method: 'POST',
      headers: headersOf(undefined, { host: 'localhost' }),
      body: JSON.stringify(LIST),
    }
    expect((await appBehind(guard).request('http://localhost/mcp', init)).status).toBe(403)
  })
})
