import Koa from 'koa'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { errorHandler } from '../../src/http/error-handler.ts'
import { hostCheck, proxyContract } from '../../src/http/host-check.ts'
import { createRenderer } from '../../src/http/render.ts'
import { type RawServer, serveRaw } from './raw-http.ts'

const ISSUER_HOST = 'auth.example.com:8443'
const GOLDEN = `http://${ISSUER_HOST}/where?x=1 /where?x=1 ${ISSUER_HOST}`

function app(options: { proxy: boolean }) {
  const koa = new Koa(options)
  koa.use(errorHandler({ log: pino({ level: 'silent' }), render: createRenderer() }))
  koa.use(hostCheck(ISSUER_HOST))
  koa.use((ctx) => {
    ctx.body = ctx.path === '/where' ? `${ctx.href} ${ctx.url} ${ctx.host}` : 'probe'
  })
  return koa.callback()
}

let direct: RawServer
let proxied: RawServer
beforeAll(async () => {
  direct = await serveRaw(app({ proxy: false }))
  proxied = await serveRaw(app({ proxy: true }))
})
afterAll(async () => {
  await direct.close()
  await proxied.close()
})

function ask(server: RawServer, target: string, ...lines: string[]) {
  return server.send(`GET ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`)
}
const status = (answer: string) => Number(answer.split(' ')[1])

describe('hostCheck', () => {
  it.each([
    'evil.example',
    'evil.example:8443',
    'auth.example.com',
    'auth.example.com:80',
    'auth.example.com.:8443',
    'auth.example.com:8443.evil.example',
    'auth.example.com:8443@evil.example',
    'evil.example@auth.example.com:8443',
    'auth.example.com:8443, evil.example',
    'evil.example, auth.example.com:8443',
    'xauth.example.com:8443',
    'auth.example.com:8443/',
    '[::1]:8443',
    '127.0.0.1:8443',
    '',
  ])('refuses a request for the host "%s" with 421', async (host) => {
    const answer = await ask(direct, '/where?x=1', `Host: ${host}`)
    expect(status(answer)).toBe(421)
    expect(answer).toContain('application/problem+json')
    expect(answer).toContain('"code":"misdirected"')
  })

  it('lets the host of the issuer pass, in any case, and pins it', async () => {
    expect(await ask(direct, '/where?x=1', `Host: ${ISSUER_HOST}`)).toContain(GOLDEN)
    expect(await ask(direct, '/where?x=1', 'Host: AUTH.Example.Com:8443')).toContain(GOLDEN)
  })

  it('refuses a request without Host', async () => {
    expect(status(await direct.send('GET /where?x=1 HTTP/1.0\r\n\r\n'))).toBe(421)
  })

  it('answers 400 to two Host lines', async () => {
    const answer = await ask(direct, '/where', `Host: ${ISSUER_HOST}`, 'host: evil.example')
    expect(status(answer)).toBe(400)
  })

  it.each([
    'http://evil.example/where?x=1',
    'HTTP://evil.example/where?x=1',
    'https://evil.example:8443/where?x=1',
    'http://auth.example.com/where?x=1',
    'http://auth.example.com:8443@evil.example/where?x=1',
    'http://user@auth.example.com:8443/where?x=1',
    'ftp://auth.example.com:8443/where',
  ])('refuses the absolute target %s, whatever Host says', async (target) => {
    const answer = await ask(direct, target, `Host: ${ISSUER_HOST}`)
    expect([400, 421]).toContain(status(answer))
    expect(answer).not.toContain('http://evil')
  })

  it('takes the host of an absolute target in place of Host, and hands on the path alone', async () => {
    const answer = await ask(direct, `http://${ISSUER_HOST}/where?x=1`, 'Host: evil.example')
    expect(answer).toContain(GOLDEN)
    expect(await ask(direct, `HTTPS://${ISSUER_HOST}/where?x=1`, 'Host: evil.example')).toContain(GOLDEN)
  })

  it('does not take the host of a path that starts with two slashes', async () => {
    expect(status(await ask(direct, '//evil.example/where', `Host: ${ISSUER_HOST}`))).toBe(200)
    expect(status(await ask(direct, `//${ISSUER_HOST}/where`, 'Host: evil.example'))).toBe(421)
  })

  it('ignores X-Forwarded-Host without a trusted proxy', async () => {
    const headers = [`Host: ${ISSUER_HOST}`, 'X-Forwarded-Host: evil.example']
    expect(await ask(direct, '/where?x=1', ...headers)).toContain(GOLDEN)
    expect(
      status(await ask(direct, '/where', 'Host: evil.example', `X-Forwarded-Host: ${ISSUER_HOST}`)),
    ).toBe(421)
  })

  it('reads X-Forwarded-Host behind a trusted proxy, and refuses lists', async () => {
    expect(await ask(proxied, '/where?x=1', 'Host: inside', `X-Forwarded-Host: ${ISSUER_HOST}`)).toContain(
      GOLDEN,
    )
    expect(await ask(proxied, '/where?x=1', `Host: ${ISSUER_HOST}`)).toContain(GOLDEN)
    const shouted = `X-Forwarded-Host: ${ISSUER_HOST.toUpperCase()}`
    expect(await ask(proxied, '/where?x=1', 'Host: inside', shouted)).toContain(GOLDEN)
    for (const forwarded of [
      'evil.example',
      `evil.example, ${ISSUER_HOST}`,
      `${ISSUER_HOST}, evil.example`,
    ]) {
      const answer = await ask(proxied, '/where', `Host: ${ISSUER_HOST}`, `X-Forwarded-Host: ${forwarded}`)
      expect(status(answer)).toBe(421)
    }
  })

  it('leaves the probes alone, and only them', async () => {
    expect(status(await ask(direct, '/healthz', 'Host: 10.0.0.7:4000'))).toBe(200)
    expect(status(await ask(direct, '/readyz', 'Host: 10.0.0.7:4000'))).toBe(200)
    expect(status(await ask(direct, '/healthz/', 'Host: 10.0.0.7:4000'))).toBe(421)
  })
})

describe('proxyContract', () => {
  const warnings: string[] = []
  let server: RawServer
  beforeAll(async () => {
    const koa = new Koa({ proxy: true, maxIpsCount: 1 })
    koa.use(errorHandler({ log: pino({ level: 'silent' }), render: createRenderer() }))
    koa.use(proxyContract('https://auth.example.com', (message) => warnings.push(message)))
    koa.use((ctx) => {
      ctx.body = 'served'
    })
    server = await serveRaw(koa.callback())
  })
  afterAll(() => server.close())
  const PROXIED = ['Host: auth.example.com', 'X-Forwarded-Proto: https']

  it.each([
    ['nothing', []],
    ['http', ['X-Forwarded-Proto: http']],
    ['another protocol', ['X-Forwarded-Proto: wss']],
    ['an empty one', ['X-Forwarded-Proto:']],
    ['http first', ['X-Forwarded-Proto: http, https']],
  ])('answers 400 and what to do where the proxy says %s of the protocol', async (_, lines) => {
    const answer = await ask(server, '/authorize', 'Host: auth.example.com', ...lines)
    expect(status(answer)).toBe(400)
    expect(answer).toContain('must send X-Forwarded-Proto: https')
  })

  it('lets what came by https pass, and probes whatever they say', async () => {
    expect(await ask(server, '/authorize', ...PROXIED)).toContain('served')
    expect(await ask(server, '/readyz', 'Host: 10.0.0.7')).toContain('served')
  })

  it('warns once of a proxy that names no address', async () => {
    await ask(server, '/', ...PROXIED, 'X-Forwarded-For: 203.0.113.7:4711')
    expect(warnings).toEqual([])
    await ask(server, '/', ...PROXIED, 'X-Forwarded-For: unknown')
    await ask(server, '/', ...PROXIED, 'X-Forwarded-For: unknown')
    expect(warnings).toHaveLength(1)
  })
})
