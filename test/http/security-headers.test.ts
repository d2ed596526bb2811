import Koa from 'koa'
import { pino } from 'pino'
import request from 'supertest'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { errorHandler } from '../../src/http/error-handler.ts'
import { createRenderer } from '../../src/http/render.ts'
import { securityHeaders } from '../../src/http/security-headers.ts'

function app(issuer = 'https://auth.example.com') {
  const koa = new Koa()
  koa.use(securityHeaders({ issuer }))
  koa.use(errorHandler({ log: pino({ level: 'silent' }), render: createRenderer() }))
  koa.use((ctx) => {
    if (ctx.path === '/bug') throw new Error('bug')
    if (ctx.path === '/refused') throw new AppError('forbidden', 'no')
    if (ctx.path === '/nothing') return
    if (ctx.path === '/redirect') return ctx.redirect('/elsewhere')
    ctx.body = '<!doctype html><title>page</title>'
  })
  return koa.callback()
}

describe('securityHeaders', () => {
  it.each(['/page', '/bug', '/refused', '/nothing', '/redirect'])(
    'are all on the answer of %s',
    async (path) => {
      const { headers } = await request(app()).get(path).set('accept', 'text/html')
      expect(headers).toMatchObject({
        'content-security-policy':
          "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        'x-frame-options': 'DENY',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'strict-transport-security': 'max-age=31536000',
        'cache-control': 'no-store',
      })
      expect(headers['permissions-policy']).toContain('camera=()')
    },
  )

  it.each([
    ['/operator/audit', true],
    ['/operator/audit/events/x', true],
    ['/operator/auditors', false],
    ['/operator', false],
    ['/account', false],
    ['/interaction/uid', false],
    ['/operator/api/v1/audit/events', false],
  ])('%s may run a script of ours: %s', async (path, may) => {
    const { headers } = await request(app()).get(path)
    const policy = String(headers['content-security-policy'])
    expect(policy.includes("; script-src 'self'; connect-src 'self'")).toBe(may)
    expect(policy).not.toContain('unsafe')
  })

  it('send HSTS only when the issuer is https', async () => {
    const { headers } = await request(app('http://localhost:4000')).get('/page')
    expect(headers['strict-transport-security']).toBeUndefined()
  })

  it.each([
    ['/.well-known/oauth-authorization-server', 'cross-origin', undefined],
    ['/.well-known/openid-configuration', 'cross-origin', undefined],
    ['/jwks', 'cross-origin', undefined],
    ['/token', 'cross-origin', 'no-store'],
    ['/register', 'cross-origin', 'no-store'],
    ['/revoke', 'cross-origin', 'no-store'],
    ['/introspect', 'same-origin', 'no-store'],
    ['/introspect/reports', 'same-origin', 'no-store'],
    ['/introspect/changes', 'same-origin', 'no-store'],
    ['/tokens', 'same-origin', 'no-store'],
    ['/operator/token', 'same-origin', 'no-store'],
  ])('%s may be read %s', async (path, policy, cache) => {
    const { headers } = await request(app()).get(path)
    expect(headers['cross-origin-resource-policy']).toBe(policy)
    expect(headers['cache-control']).toBe(cache)
  })

  it.each([
    ['/authorize', 'unsafe-none'],
    ['/authorize/uid', 'unsafe-none'],
    ['/interaction/uid', 'unsafe-none'],
    ['/interactions', 'same-origin'],
    ['/operator', 'same-origin'],
    ['/account', 'same-origin'],
  ])('%s keeps a client that opened it as a popup: %s', async (path, policy) => {
    const { headers } = await request(app()).get(path)
    expect(headers['cross-origin-opener-policy']).toBe(policy)
  })
})
