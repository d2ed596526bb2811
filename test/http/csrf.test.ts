import fc from 'fast-check'
import Koa from 'koa'
import request from 'supertest'
import { describe, expect, it } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { assertSameOrigin, csrfToken, verifyCsrf } from '../../src/http/csrf.ts'

const KEY = 'a key for tests'
const ISSUER = 'https://auth.example.com'

describe('verifyCsrf', () => {
  it('accepts the token of its own key and binding, and no other', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (binding, other) => {
        const token = csrfToken(KEY, binding)
        expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/)
        expect(verifyCsrf(KEY, binding, token)).toBe(true)
        expect(verifyCsrf('another key', binding, token)).toBe(false)
        if (other !== binding) expect(verifyCsrf(KEY, other, token)).toBe(false)
      }),
    )
  })

  it('refuses whatever else is presented', () => {
    fc.assert(
      fc.property(fc.option(fc.string({ unit: 'binary' }), { nil: undefined }), (token) => {
        expect(verifyCsrf(KEY, 'uid', token)).toBe(false)
      }),
    )
    const token = csrfToken(KEY, 'uid')
    expect(verifyCsrf(KEY, 'uid', token.slice(0, -1))).toBe(false)
    expect(verifyCsrf(KEY, 'uid', `${token}=`)).toBe(false)
    expect(verifyCsrf(KEY, 'uid', '')).toBe(false)
  })
})

describe('assertSameOrigin', () => {
  const koa = new Koa()
  koa.use((ctx) => {
    try {
      assertSameOrigin(ctx, ISSUER)
      ctx.body = 'passed'
    } catch (error) {
      ctx.status = error instanceof AppError ? error.status : 500
    }
  })
  const post = (headers: Record<string, string>) => request(koa.callback()).post('/').set(headers)

  it.each([
    {},
    { origin: ISSUER },
    { origin: ISSUER, 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
    { origin: 'null', 'sec-fetch-site': 'same-origin' },
  ])('lets %j pass', async (headers) => {
    expect((await post(headers as Record<string, string>)).status).toBe(200)
  })

  it.each([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: 'null', 'sec-fetch-site': 'cross-site' },
    { origin: 'http://auth.example.com' },
    { origin: 'https://auth.example.com:8443' },
    { origin: 'https://auth.example.com.evil.example' },
    { origin: `${ISSUER}/` },
    { origin: `${ISSUER}, https://evil.example` },
    { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
    { origin: ISSUER, 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'Same-Origin ' + 'x' },
  ])('refuses %j', async (headers) => {
    expect((await post(headers as Record<string, string>)).status).toBe(403)
  })

  it('leaves requests alone that change nothing', async () => {
    const response = await request(koa.callback()).get('/').set('sec-fetch-site', 'cross-site')
    expect(response.status).toBe(200)
  })
})
