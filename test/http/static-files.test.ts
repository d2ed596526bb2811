import Koa from 'koa'
import request from 'supertest'
import { describe, expect, it } from 'vitest'
import { securityHeaders } from '../../src/http/security-headers.ts'
import { staticFiles } from '../../src/http/static-files.ts'

const koa = new Koa().use(securityHeaders({ issuer: 'http://localhost:4000' })).use(staticFiles())
const agent = () => request(koa.callback())

describe('staticFiles', () => {
  it('serves the style sheet so that it may be cached and revalidated', async () => {
    const response = await agent().get('/assets/style.css')
    expect(response.status).toBe(200)
    expect(response.headers['content-type']).toBe('text/css; charset=utf-8')
    expect(response.headers['cache-control']).toBe('public, max-age=300')
    expect(response.headers.etag).toMatch(/^"[\w-]{22}"$/)
    const again = await agent().get('/assets/style.css').set('if-none-match', response.headers.etag!)
    expect([again.status, again.text]).toEqual([304, ''])
  })

  it('answers HEAD without a body and serves the logo', async () => {
    const head = await agent().head('/assets/style.css')
    expect(Number(head.headers['content-length'])).toBeGreaterThan(1000)
    expect((await agent().get('/assets/gate.svg')).headers['content-type']).toBe('image/svg+xml')
  })

  it('serves the script as one', async () => {
    const response = await agent().get('/assets/follow.js')
    expect(response.headers['content-type']).toBe('text/javascript; charset=utf-8')
  })

  it.each([
    '/assets/',
    '/assets/layout.eta',
    '/assets/../layout.eta',
    '/assets/..%2flayout.eta',
    '/assets/%2e%2e/%2e%2e/package.json',
    '/assets//style.css',
    '/assets/style.css/',
    '/assets/constructor',
    '/assets/__proto__',
  ])('serves nothing at %s', async (path) => {
    expect((await agent().get(path)).status).toBe(404)
  })

  it('does not answer POST', async () => {
    expect((await agent().post('/assets/style.css')).status).toBe(404)
  })
})
