import Router from '@koa/router'
import Koa from 'koa'
import { pino } from 'pino'
import request from 'supertest'
import { expect, it } from 'vitest'
import { accessLog } from '../../src/http/access-log.ts'
import { nameRoute, renameRequest, requestContext } from '../../src/http/request-context.ts'

const FIXED = ['/token', '/authorize', '/introspect', '/healthz', '/readyz']

async function lines(level: 'info' | 'debug', ask: (agent: ReturnType<typeof request>) => Promise<unknown>) {
  const written: Record<string, unknown>[] = []
  const log = pino({ level }, { write: (line: string) => void written.push(JSON.parse(line)) })
  const koa = new Koa()
  koa.use(requestContext())
  koa.use(accessLog(log))
  koa.use(async (ctx, next) => {
    if (FIXED.includes(ctx.path)) nameRoute(ctx, ctx.path)
    if (ctx.path === '/authorize') renameRequest(ctx, 'at_renamed')
    ctx.status = 204
    await next()
  })
  const router = new Router()
  router.all('/interaction/:uid/login', (ctx) => {
    ctx.status = 204
  })
  koa.use(router.routes())
  await ask(request(koa.callback()))
  return written
}

it('a request is one line, under the id that its answer has, without its query, headers and body', async () => {
  let answered: string | undefined
  const written = await lines('info', async (agent) => {
    const response = await agent
      .post('/token?code=secret-1&access_token=secret-2')
      .set('authorization', 'Bearer secret-3')
      .set('cookie', 'a=secret-4')
      .set('referer', 'https://app.example/?code=secret-5')
      .send('code=secret-6')
    answered = response.headers['x-request-id']
  })
  expect(written).toEqual([
    expect.objectContaining({ request_id: answered, method: 'POST', route: '/token', status: 204 }),
  ])
  expect(JSON.stringify(written)).not.toContain('secret')
})

it('the id is the one that the request ended with', async () => {
  expect(await lines('info', (agent) => agent.get('/authorize?state=x'))).toMatchObject([
    { request_id: 'at_renamed', route: '/authorize' },
  ])
})

it('what is asked many times a second is logged only for debugging', async () => {
  const ask = async (agent: ReturnType<typeof request>) => {
    for (const path of ['/introspect', '/healthz', '/readyz']) await agent.get(path)
  }
  expect(await lines('info', ask)).toEqual([])
  expect(await lines('debug', ask)).toHaveLength(3)
})

it.each([
  ['/interaction/the-cookie/login', '/interaction/:uid/login'],
  ['/nothing/is/here/but-a-secret', 'unknown'],
])('%s is logged as %s', async (path, route) => {
  const written = await lines('info', (agent) => agent.get(path))
  expect(written).toMatchObject([{ route }])
  expect(JSON.stringify(written)).not.toMatch(/the-cookie|but-a-secret/)
})
