import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { protectFetchHandler } from '../../../src/guard/adapters/fetch.ts'
import { createGuard, type Guard } from '../../../src/guard/index.ts'
import { poisonParser } from '../../support/poisoned-parser.ts'
import { call, escapedCall, headersOf, LIST } from './suite/messages.ts'
import { Stage } from './suite/stage.ts'
import { describeGuarantees } from './suite.ts'
import { serveByFetch } from './ways-to-serve.ts'

describeGuarantees('protectFetchHandler', serveByFetch)

describe('protectFetchHandler', () => {
  const stage = new Stage(serveByFetch)
  let guard: Guard
  beforeAll(async () => {
    await stage.open()
    guard = createGuard(stage.options({}, { errors: [], recorded: [] }))
  })
  afterAll(() => stage.close())

  const asked = (body: unknown = LIST, headers = headersOf('reader')) =>
    new Request('http://notes.test/mcp', { method: 'POST', headers, body: JSON.stringify(body) })

  it('hands on what the runtime gives beside the request', async () => {
    const handler = protectFetchHandler(
      guard,
      (_request, { authInfo }, env: { KV: string }, ctx: { id: number }) =>
        Response.json({ client: authInfo.clientId, env, ctx }),
    )
    const response = await handler(asked(), { KV: 'kv' }, { id: 1 })
    expect(await response.json()).toEqual({ client: 'c', env: { KV: 'kv' }, ctx: { id: 1 } })
  })

  it('hands on the body twice: parsed, and to be read, with the length that was announced', async () => {
    const handler = protectFetchHandler(guard, async (request, { parsedBody }) =>
      Response.json([request.method, parsedBody, await request.json(), request.headers.get('x-kept')]),
    )
    const response = await handler(asked(LIST, headersOf('reader', { 'x-kept': 'yes' })))
    expect(await response.json()).toEqual(['POST', LIST, LIST, 'yes'])
  })

  it('hands on a body in which no engine misreads the names that were decided about', async () => {
    const handler = protectFetchHandler(guard, async (request, { parsedBody }) =>
      Response.json([parsedBody, await request.clone().json(), request.headers.get('content-length')]),
    )
    const body = escapedCall('get_note', { text: 'é' })
    poisonParser(body)
    const headers = headersOf('reader', { 'content-length': `${Buffer.byteLength(body)}` })
    const response = await handler(new Request('http://notes.test/mcp', { method: 'POST', headers, body }))
    const decided = call('get_note', 1, { text: 'é' })
    expect(await response.json()).toEqual([decided, decided, null])
  })

  it('passes on an answer that came from elsewhere, whose headers nobody may change', async () => {
    const handler = protectFetchHandler(guard, () =>
      fetch(`${stage.as.issuer}/introspect`, { method: 'POST' }),
    )
    const response = await handler(asked())
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(await response.json()).toEqual({ active: false })
  })

  it('does not run what was given up while it was being decided', async () => {
    const leaving = new AbortController()
    const fetch_then_leave: typeof fetch = async (...asking) => {
      const answer = await fetch(...asking)
      leaving.abort()
      return answer
    }
    let ran = false
    const place = { errors: [], recorded: [] }
    const handler = protectFetchHandler(
      createGuard(stage.options({ fetch: fetch_then_leave }, place)),
      () => {
        ran = true
        return new Response()
      },
    )
    await handler(new Request(asked(), { signal: leaving.signal }))
    expect(ran).toBe(false)
  })

  it('refuses to be made in mode none, where it cannot know who is at the other end', () => {
    const local = createGuard(stage.options({ mode: 'none' }, { errors: [], recorded: [] }))
    expect(() => protectFetchHandler(local, () => new Response())).toThrow(/give the option connection/)
    expect(() =>
      protectFetchHandler(local, () => new Response(), { connection: () => 'stdio' }),
    ).not.toThrow()
  })
})
