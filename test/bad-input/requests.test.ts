import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectClear, unclear } from '../support/hostile.ts'
import { Toolgate } from '../support/toolgate.ts'

/** Hosts, targets, methods and framing: what no HTTP client would send, written as bytes. */
let toolgate: Toolgate
let host: string
let operator: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  host = new URL(toolgate.issuer).host
  operator = `Bearer ${(await toolgate.operatorToken()).token}`
})
afterAll(() => toolgate.close())

/** Sends the bytes as they are; gives back the status and what the server wrote until it closed. */
async function raw(
  ...lines: string[]
): Promise<{ status: number; answer: string; fault: string | undefined }> {
  const socket = connect(toolgate.port, '127.0.0.1')
  let answer = ''
  socket.setEncoding('latin1').on('data', (text) => {
    answer += text
  })
  socket.on('error', () => {})
  socket.write(Buffer.from(lines.join('\r\n'), 'latin1'))
  await once(socket, 'close')
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
  const [head = '', body = ''] = answer.split(/\r\n\r\n(.*)/s)
  const type = /^content-type: (.*)$/im.exec(head)?.[1] ?? ''
  return { status, answer, fault: type === '' ? undefined : unclear(status, type, body) }
}

const get = (target: string, ...headers: string[]) =>
  raw(`GET ${target} HTTP/1.1`, ...headers, 'Accept: application/json', 'Connection: close', '', '')

describe('host', () => {
  it.each([
    'evil.example',
    'localhost.evil.example',
    'localhost',
    '',
    'a b',
    '[::1',
    '\xff',
    'user@localhost',
  ])('a request for %j is 421 or 400 and says why', async (foreign) => {
    const { status, fault } = await get('/.well-known/oauth-authorization-server', `Host: ${foreign}`)
    expect([400, 421]).toContain(status)
    expect(fault).toBeUndefined()
  })

  it('a second Host and a missing Host are refused', async () => {
    expect(await get('/jwks', `Host: ${host}`, 'Host: evil.example')).toMatchObject({ status: 400 })
    expect(await get('/jwks')).toMatchObject({ status: 400 })
  })

  it('nothing that was sent as a host comes back in the metadata', async () => {
    const { answer } = await get(
      '/.well-known/openid-configuration',
      `Host: ${host}`,
      'X-Forwarded-Host: evil.example',
    )
    expect(answer).not.toContain('evil')
  })
})

describe('target', () => {
  it('the absolute form is answered for our host and refused for another', async () => {
    expect(await get(`http://${host}/jwks`, 'Host: evil.example')).toMatchObject({ status: 200 })
    expect(await get('http://evil.example/jwks', `Host: ${host}`)).toMatchObject({ status: 421 })
    expect(await get(`ftp://${host}/jwks`, `Host: ${host}`)).toMatchObject({ status: 421 })
    expect(await get(`http://a:b@${host}/jwks`, `Host: ${host}`)).toMatchObject({ status: 421 })
  })

  it.each([
    '/nothing',
    '/%',
    '/%00',
    '/%zz',
    '/%E0%A4%A',
    '//evil.example/',
    '///',
    '/../../etc/passwd',
    '/assets/..%2f..%2fpackage.json',
    '/assets/__proto__',
    '/__proto__',
    '/constructor',
    '/interaction/%00',
    '/interaction/%',
    '/interaction/__proto__',
    '/authorize/%00',
    '/authorize/%ED%A0%80',
    '/authorize/a/b',
    '/operator/api/v1/grants/%00',
    '/register/cl_x',
    '/token/',
    '/TOKEN',
    '/session/end/confirm',
    '/.well-known/nothing',
    '/\xff\xfe',
    '/?#fragment',
  ])('%s is a 4xx that says why', async (target) => {
    const { status, fault } = await get(target, `Host: ${host}`)
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
    expect(fault).toBeUndefined()
  })

  it('parameters on the way back from an interaction are ignored', async () => {
    const { client_id } = await toolgate.register()
    const bare = await toolgate.fetch('/authorize/x')
    const asked = await toolgate.fetch(
      `/authorize/x?client_id=${client_id}&redirect_uri=https://evil.example`,
    )
    expect([bare.status, asked.status]).toEqual([400, 400])
    expect(await asked.text()).toContain('invalid_request')
  })

  it('a HEAD is answered as a GET, without the body', async () => {
    const { client_id } = await toolgate.register()
    for (const path of [
      '/healthz',
      '/jwks',
      `/authorize?client_id=${client_id}`,
      '/authorize?client_id=nobody',
    ]) {
      const [head, read] = await Promise.all([toolgate.fetch(path, { method: 'HEAD' }), toolgate.fetch(path)])
      expect([path, head.status, await head.text()]).toEqual([path, read.status, ''])
    }
  })

  it('a query string longer than the server reads is 431', async () => {
    expect(await get(`/authorize?state=${'x'.repeat(20_000)}`, `Host: ${host}`)).toMatchObject({
      status: 431,
    })
  })

  it('thousands of parameters are answered', async () => {
    const many = Array.from({ length: 2_500 }, (_, index) => `a${index}`).join('&')
    const { status, fault } = await get(`/authorize?${many}`, `Host: ${host}`)
    expect({ status, fault }).toEqual({ status: 400, fault: undefined })
  })
})

describe('method', () => {
  const ADDRESSES = {
    '/introspect': 'POST',
    '/token': 'OPTIONS, POST',
    '/register': 'POST',
    '/revoke': 'OPTIONS, POST',
    '/authorize': 'GET, HEAD',
    '/jwks': 'GET, HEAD, OPTIONS',
    '/.well-known/oauth-authorization-server': 'GET, HEAD, OPTIONS',
    '/healthz': 'GET, HEAD',
    '/readyz': 'GET, HEAD',
    '/interaction/x': 'GET, HEAD',
    '/interaction/x/login': 'POST',
    '/operator/api/v1/grants': 'GET, HEAD',
    '/operator/api/v1/grants/revoke': 'GET, HEAD, POST',
  }

  it.each(Object.entries(ADDRESSES))('%s answers 405 with Allow: %s', async (path, allow) => {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND']) {
      if (allow.includes(method)) continue
      const response = await toolgate.fetch(path, { method, headers: { authorization: operator } })
      expect([method, response.status, response.headers.get('allow')]).toEqual([method, 405, allow])
      await expectClear(response, { method, path })
    }
  })

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'PROPFIND', 'M-SEARCH', 'OPTIONS'])(
    '%s to an address that is not there is 404',
    async (method) => {
      const response = await toolgate.fetch('/nothing/here', { method })
      expect(response.status).toBe(404)
      await expectClear(response, method)
    },
  )

  it('a method that HTTP does not know is refused', async () => {
    expect(await raw('FROB / HTTP/1.1', `Host: ${host}`, 'Connection: close', '', '')).toMatchObject({
      status: 400,
    })
  })
})

describe('framing', () => {
  const post = (path: string, headers: string[], body: string) =>
    raw(`POST ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...headers, '', body)
  const FORM = 'Content-Type: application/x-www-form-urlencoded'

  it('both lengths at once, a length that is none and a chunk that is none are refused', async () => {
    const both = ['Content-Length: 3', 'Transfer-Encoding: chunked', FORM]
    expect(await post('/token', both, '0\r\n\r\n')).toMatchObject({ status: 400 })
    expect(await post('/token', ['Content-Length: -1', FORM], '')).toMatchObject({ status: 400 })
    expect(await post('/token', ['Transfer-Encoding: chunked', FORM], 'zz\r\nabc\r\n')).toMatchObject({
      status: 400,
    })
  })

  it.each(['/token', '/revoke', '/introspect', '/register'])(
    'a chunked body over the limit is 413 at %s',
    async (path) => {
      const type = path === '/register' ? 'Content-Type: application/json' : FORM
      const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
      const { status, fault } = await post(
        path,
        ['Transfer-Encoding: chunked', type],
        `${chunk.repeat(3)}0\r\n\r\n`,
      )
      expect({ status, fault }).toEqual({ status: 413, fault: undefined })
    },
  )
})
