import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { connect } from 'node:net'
import fc from 'fast-check'
import Koa from 'koa'
import { pino } from 'pino'
import request from 'supertest'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AppError } from '../../src/base/errors.ts'
import { errorHandler } from '../../src/http/error-handler.ts'
import { readBytes, readForm, readJson } from '../../src/http/read-body.ts'
import { createRenderer } from '../../src/http/render.ts'
import { poisonParser } from '../support/poisoned-parser.ts'
import { type RawServer, serveRaw } from './raw-http.ts'

const FORM = 'application/x-www-form-urlencoded'
let settled: (outcome: string) => void = () => {}

async function listener(req: IncomingMessage, res: ServerResponse) {
  try {
    const value =
      req.url === '/form'
        ? (await readForm(req, { limit_bytes: 1000 })).toObject()
        : await readJson(req, { limit_bytes: 1000, depth: 3 })
    res.end(JSON.stringify(value))
  } catch (error) {
    const outcome = error instanceof AppError ? error.code : `bug: ${error}`
    res.statusCode = error instanceof AppError ? error.status : 500
    if (outcome === 'payload_too_large') res.setHeader('Connection', 'close')
    res.end(outcome)
    settled(outcome)
  }
}

let server: RawServer
beforeAll(async () => {
  server = await serveRaw(listener)
})
afterAll(() => server.close())

const post = (path: string, type: string, body: string | Buffer, ...headers: string[]) =>
  server.send(
    [
      `POST ${path} HTTP/1.1`,
      'Host: x',
      'Connection: close',
      `Content-Type: ${type}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...headers,
      '',
      '',
    ].join('\r\n'),
    body,
  )
const bodyOf = (answer: string) => answer.slice(answer.indexOf('\r\n\r\n') + 4)
const statusOf = (answer: string) => Number(answer.split(' ')[1])

describe('readForm', () => {
  it.each([
    FORM,
    `${FORM};charset=utf-8`,
    `${FORM.toUpperCase()} ; charset="UTF-8"`,
    `${FORM}; x=y`,
    `${FORM};charset=ISO-8859-1`,
    `${FORM};charset=utf-16`,
  ])('reads %s', async (type) => {
    expect(bodyOf(await post('/form', type, 'a=%C3%A9+1'))).toBe('{"a":"é 1"}')
  })

  it.each(['', 'text/plain', 'application/json', 'multipart/form-data; boundary=x', `${FORM}x`])(
    'refuses the media type "%s"',
    async (type) => {
      expect(statusOf(await post('/form', type, 'a=1'))).toBe(415)
    },
  )

  it('refuses a compressed body', async () => {
    expect(statusOf(await post('/form', FORM, 'a=1', 'Content-Encoding: gzip'))).toBe(415)
    expect(statusOf(await post('/form', FORM, 'a=1', 'Content-Encoding: identity'))).toBe(200)
  })

  it('takes a body of exactly the limit and refuses one byte more', async () => {
    expect(statusOf(await post('/form', FORM, `a=${'x'.repeat(998)}`))).toBe(200)
    expect(statusOf(await post('/form', FORM, `a=${'x'.repeat(999)}`))).toBe(413)
  })

  it('refuses by Content-Length before a byte of the body has come', async () => {
    const head = `POST /form HTTP/1.1\r\nHost: x\r\nContent-Type: ${FORM}\r\nContent-Length: 1000000\r\n\r\n`
    expect(statusOf(await server.send(head))).toBe(413)
  })

  it('stops at the limit when the length is not told', async () => {
    const head = `POST /form HTTP/1.1\r\nHost: x\r\nContent-Type: ${FORM}\r\nTransfer-Encoding: chunked\r\n\r\n`
    expect(statusOf(await server.send(head, `7d0\r\n${'x'.repeat(2000)}\r\n`))).toBe(413)
  })

  it('joins a character that two chunks share, and refuses half of one', async () => {
    const head = `POST /form HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: ${FORM}\r\nTransfer-Encoding: chunked\r\n\r\n`
    const split = [
      Buffer.from('3\r\na='),
      Buffer.from([0xc3]),
      '\r\n1\r\n',
      Buffer.from([0xa9]),
      '\r\n0\r\n\r\n',
    ]
    expect(bodyOf(await server.send(head, ...split))).toBe('{"a":"é"}')
    const half = await server.send(head, '3\r\na=', Buffer.from([0xc3]), '\r\n0\r\n\r\n')
    expect(statusOf(half)).toBe(400)
  })

  it('settles when the client goes away in the middle of the body', async () => {
    const outcome = new Promise<string>((resolve) => {
      settled = resolve
    })
    const socket = connect(server.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.write(
      `POST /form HTTP/1.1\r\nHost: x\r\nContent-Type: ${FORM}\r\nContent-Length: 10\r\n\r\na=`,
      () => socket.resetAndDestroy(),
    )
    socket.on('error', () => {})
    expect(await outcome).toBe('invalid_input')
  })

  it('answers a body shorter than Content-Length says, when the client sends no more, with 400', async () => {
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    let answer = ''
    socket.setEncoding('utf8').on('data', (text) => {
      answer += text
    })
    socket.end(`POST /form HTTP/1.1\r\nHost: x\r\nContent-Type: ${FORM}\r\nContent-Length: 10\r\n\r\na=`)
    await once(socket, 'close')
    expect(statusOf(answer)).toBe(400)
  })
})

describe('readBytes', () => {
  const message = (fields: object) => Object.assign({ headers: {} }, fields) as unknown as IncomingMessage

  it('throws at once for a request whose client is gone', async () => {
    await expect(readBytes(message({ destroyed: true }), 10)).rejects.toThrow('The body ended early')
  })

  it('says so when a body is read twice instead of waiting for ever', async () => {
    await expect(readBytes(message({ readableEnded: true }), 10)).rejects.toThrow('read already')
  })
})

describe('readJson', () => {
  const json = (body: string | Buffer, type = 'application/json') => post('/json', type, body)

  it('reads whatever JSON.stringify writes, unless it cannot be stored', async () => {
    const value = fc
      .jsonValue({ maxDepth: 2 })
      .filter((json) => Buffer.byteLength(JSON.stringify(json)) <= 1000)
    await fc.assert(
      fc.asyncProperty(value, async (input) => {
        const text = JSON.stringify(input)
        const answer = await json(text)
        const unstorable = /\\u0000|\\ud[89a-f]|"__proto__":/.test(text)
        if (unstorable) expect([200, 400]).toContain(statusOf(answer))
        else expect(bodyOf(answer)).toBe(text)
      }),
      { numRuns: 60 },
    )
  })

  it.each([
    ['{"met":1,"\\u0072edirect_uris":[]}', '{"met":1,"redirect_uris":[]}'],
    ['{"met":1,"\\"":[]}', '{"met":1,"\\"":[]}'],
  ])('reads the escaped name in %s right, whatever the engine met before', async (text, read) => {
    poisonParser(text)
    expect(bodyOf(await json(text))).toBe(read)
  })

  it('answers 400 to whatever else, never 500', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        expect([200, 400]).toContain(statusOf(await json(Buffer.from(bytes))))
      }),
      { numRuns: 60 },
    )
  })

  it.each([
    '',
    '{',
    '{"a":1}x',
    '\ufeff{}',
    '"\\u0000"',
    '{"\\u0000":1}',
    '["\\ud800"]',
    '{"\\udc00":1}',
    '{"__proto__":{"admin":true}}',
    '[[[[1]]]]',
    '{"a":{"b":{"c":{}}}}',
    '['.repeat(900),
  ])('refuses %j', async (body) => {
    expect(statusOf(await json(body))).toBe(400)
  })

  it('takes nesting up to the limit and a whole surrogate pair', async () => {
    expect(statusOf(await json('[[[1]]]'))).toBe(200)
    expect(statusOf(await json('["\\ud83d\\ude00"]'))).toBe(200)
  })

  it.each(['text/json', 'application/jsonp', FORM, 'text/plain'])(
    'refuses the media type %s',
    async (type) => {
      expect(statusOf(await json('{}', type))).toBe(415)
    },
  )
})

describe('in koa', () => {
  const koa = new Koa()
  koa.use(errorHandler({ log: pino({ level: 'silent' }), render: createRenderer() }))
  koa.use(async (ctx) => {
    ctx.body = (await readForm(ctx, { multiple: ['scope'] })).toObject()
  })

  it('reads from the context and answers a problem', async () => {
    const good = await request(koa.callback()).post('/').type('form').send('scope=a&scope=b&x=1')
    expect(good.body).toEqual({ scope: ['a', 'b'], x: '1' })
    const doubled = await request(koa.callback()).post('/').type('form').send('x=1&x=2')
    expect([doubled.status, JSON.parse(doubled.text).code]).toEqual([400, 'invalid_input'])
  })

  it('closes the connection after a body that was too large to read', async () => {
    const raw = await serveRaw(koa.callback())
    const head = `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: ${FORM}\r\nContent-Length: 70000\r\n\r\n`
    const answer = await raw.send(head)
    await raw.close()
    expect(statusOf(answer)).toBe(413)
    expect(answer).toMatch(/connection: close/i)
  })
})
