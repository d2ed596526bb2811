import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import Koa from 'koa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { protectKoa } from '../../../src/guard/adapters/koa.ts'
import { serving } from './serving.ts'
import { call, LIST, post } from './suite/messages.ts'
import { Stage } from './suite/stage.ts'
import { describeGuarantees } from './suite.ts'
import { serveByKoa } from './ways-to-serve.ts'

describeGuarantees('protectKoa', serveByKoa)

/** As the body parsers of Koa do: what they read is in `ctx.request.body`. */
async function parseBody({ req, request }: Koa.Context, next: Koa.Next): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk)
  Object.assign(request, { body: JSON.parse(Buffer.concat(chunks).toString()) })
  await next()
}

describe('protectKoa', () => {
  const stage = new Stage((behind) => {
    const app = new Koa()
    app.use(async (context, next) => (context.path === '/parsed' ? parseBody(context, next) : next()))
    app.use(protectKoa(behind.guard))
    app.use(async (context) => {
      const { body } = context.request as { body?: unknown }
      const answer = JSON.stringify({ body, client: context.state.auth.clientId })
      context.type = 'json'
      context.body =
        context.path === '/streamed' ? Readable.from([answer.slice(0, 9), answer.slice(9)]) : answer
    })
    return serving(behind, createServer(app.callback()))
  })
  beforeAll(() => stage.open())
  afterAll(() => stage.close())

  it.each(['/mcp', '/parsed', '/streamed'])(
    'hands on what it decided about at %s, and hears what Koa answers',
    async (path) => {
      const { origin, heard } = stage.oauth
      const text = await (await post(origin + path, LIST)).text()
      expect(JSON.parse(text)).toEqual({ body: LIST, client: 'c' })
      const { ended, ...last } = heard.at(-1)!
      expect(await ended).toBe(true)
      expect(last).toEqual({ status: 200, content_type: expect.stringContaining('json'), body: text })
      expect((await post(origin + path, call('create_note'))).status).toBe(403)
    },
  )

  it('leaves a refusal to those who stand before it, as any other answer of Koa', async () => {
    const response = await post(`${stage.oauth.origin}/mcp`, call('create_note'))
    expect(response.headers.get('content-type')).toMatch(/^application\/json/)
    expect(await response.json()).toMatchObject({ error: { data: { error: 'insufficient_scope' } } })
  })
})
