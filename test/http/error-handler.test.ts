import { PassThrough } from 'node:stream'
import Router from '@koa/router'
import Koa, { type Context } from 'koa'
import { pino } from 'pino'
import request from 'supertest'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { errorHandler } from '../../src/http/error-handler.ts'
import { createRenderer, type Renderer } from '../../src/http/render.ts'
import { requestContext } from '../../src/http/request-context.ts'

const REQUEST_ID = 'request-0001'

function harness(handler: (ctx: Context) => unknown, render: Renderer = createRenderer()) {
  const lines: string[] = []
  const sink = new PassThrough().on('data', (chunk) => lines.push(String(chunk)))
  const koa = new Koa()
  koa.silent = true
  koa.use(requestContext())
  koa.use(errorHandler({ log: pino(sink), render }))
  koa.use(async (ctx) => {
    await handler(ctx)
  })
  const agent = request(koa.callback())
  return {
    lines,
    json: () => agent.get('/').set('x-request-id', REQUEST_ID),
    html: () => agent.get('/').set('x-request-id', REQUEST_ID).set('accept', 'text/html,*/*;q=0.8'),
  }
}

const throws = (error: unknown) =>
  harness(() => {
    throw error
  })

describe('errorHandler', () => {
  it('answers an AppError with a problem document of RFC 9457', async () => {
    const response = await throws(new AppError('conflict', 'The name is taken')).json()
    expect(response.status).toBe(409)
    expect(response.headers['content-type']).toBe('application/problem+json')
    expect(response.headers['cache-control']).toBe('no-store')
    expect(JSON.parse(response.text)).toEqual({
      type: 'about:blank',
      title: 'Conflict',
      status: 409,
      detail: 'The name is taken',
      code: 'conflict',
      request_id: REQUEST_ID,
    })
  })

  it('answers a reader that prefers HTML with a page, hostile detail escaped', async () => {
    const response = await throws(new AppError('forbidden', '<img src=x onerror=alert(1)>')).html()
    expect(response.status).toBe(403)
    expect(response.headers['content-type']).toBe('text/html; charset=utf-8')
    expect(response.text).toContain('&lt;img src=x onerror=alert(1)&gt;')
    expect(response.text).not.toContain('<img')
    expect(response.text).toContain(REQUEST_ID)
  })

  it.each(['*/*', 'application/json', 'application/json, text/html', 'image/png', ';;;', 'text/html;q=0'])(
    'answers JSON to Accept: %s',
    async (accept) => {
      const response = await throws(new AppError('not_found', 'gone')).json().set('accept', accept)
      expect(response.headers['content-type']).toBe('application/problem+json')
    },
  )

  it('answers 500 to a bug, logs it with the request id, and exposes nothing of it', async () => {
    const bug = Object.assign(new Error('cannot read s3cret-table'), {
      detail: 'Failing row contains (hunter2)',
    })
    const { json, html, lines } = throws(bug)
    for (const response of [await json(), await html()]) {
      expect(response.status).toBe(500)
      expect(response.text).not.toContain('s3cret')
      expect(response.text).toContain(REQUEST_ID)
    }
    const logged = JSON.parse(lines[0]!)
    expect(logged).toMatchObject({ request_id: REQUEST_ID, status: 500, error: { name: 'Error' } })
    expect(logged.error.stack).toContain('s3cret-table')
    expect(lines.join()).not.toContain('hunter2')
  })

  it.each([null, undefined, 'text', 42, {}, Object.create(null)])(
    'survives that %j is thrown',
    async (thrown) => {
      expect((await throws(thrown).json()).status).toBe(500)
    },
  )

  it.each([
    Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
    Object.assign(new Error('terminating'), { code: '57P01' }),
    new AppError('unavailable', 'The audit log cannot be written'),
  ])('answers 503 with Retry-After when storage cannot answer (%s)', async (error) => {
    const response = await throws(error).json()
    expect(response.status).toBe(503)
    expect(response.headers['retry-after']).toBe('1')
    expect(JSON.parse(response.text).code).toBe('unavailable')
  })

  it('passes on a 4xx that an error of a library exposes, and nothing it does not', async () => {
    const oidc = Object.assign(new Error('invalid_request'), {
      expose: true,
      status: 400,
      error_description: 'interaction session not found',
    })
    expect(JSON.parse((await throws(oidc).json()).text)).toMatchObject({
      status: 400,
      code: 'invalid_input',
      detail: 'interaction session not found',
    })
    const hidden = Object.assign(new Error('inner'), { expose: false, status: 400 })
    expect((await throws(hidden).json()).status).toBe(500)
    const server = Object.assign(new Error('inner'), { expose: true, status: 502 })
    expect((await throws(server).json()).text).not.toContain('inner')
  })

  it('answers 404 where nothing answers, and leaves a 404 with a body alone', async () => {
    const nothing = await harness(() => {}).json()
    expect(nothing.status).toBe(404)
    expect(JSON.parse(nothing.text).code).toBe('not_found')
    const own = await harness((ctx) => {
      ctx.status = 404
      ctx.body = 'own words'
    }).json()
    expect(own.text).toBe('own words')
  })

  it('answers 405 with Allow to a method the address does not know', async () => {
    const router = new Router().post('/thing', (ctx) => {
      ctx.body = 'ok'
    })
    const koa = new Koa()
    koa.use(errorHandler({ log: pino({ level: 'silent' }), render: createRenderer() }))
    koa.use(router.routes()).use(router.allowedMethods())
    const response = await request(koa.callback()).delete('/thing')
    expect(response.status).toBe(405)
    expect(response.headers.allow).toBe('POST')
    expect(JSON.parse(response.text).code).toBe('method_not_allowed')
    expect((await request(koa.callback()).get('/%E0%A4%A')).status).toBe(404)
  })

  it('drops what a half-made answer had set', async () => {
    const response = await harness((ctx) => {
      ctx.set({ 'Content-Encoding': 'gzip', ETag: '"x"', 'Content-Length': '3', 'Cache-Control': 'public' })
      throw new AppError('forbidden', 'no')
    }).json()
    expect(response.status).toBe(403)
    expect(response.headers.etag).toBeUndefined()
    expect(response.headers['content-encoding']).toBeUndefined()
    expect(response.headers['cache-control']).toBe('no-store')
  })

  it('falls back to JSON when the page itself fails', async () => {
    const broken = () => {
      throw new Error('broken view')
    }
    const { html, lines } = harness(() => {}, broken)
    const response = await html()
    expect(response.status).toBe(404)
    expect(response.headers['content-type']).toBe('application/problem+json')
    expect(lines.join()).toContain('broken view')
  })

  it('ends the connection when the answer had already begun', async () => {
    const { json, lines } = harness((ctx) => {
      ctx.respond = false
      ctx.res.write('half')
      throw new Error('too late')
    })
    await expect(json()).rejects.toThrow()
    expect(lines.join()).toContain('too late')
  })
})
