import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { afterEach, expect, it } from 'vitest'
import { watchNodeAnswer } from '../../../src/guard/adapters/node-answer.ts'

type Event = ['begin', number, string | null, string | null] | ['write', string] | ['end', boolean]

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

/** What the watch hears of an answer, and what the client gets of it. */
async function hear(answer: RequestListener): Promise<{ events: Event[]; got: string }> {
  const events: Event[] = []
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  server = createServer((request, response) => {
    response.setHeader('vary', 'origin')
    watchNodeAnswer(response, {
      begin: (status, headers) => {
        if (!events.some(([event]) => event === 'begin'))
          events.push(['begin', status, headers.get('Content-Type'), headers.get('Mcp-Session-Id')])
      },
      write: (chunk) => void events.push(['write', Buffer.from(chunk).toString('latin1')]),
      end: (is_whole) => {
        events.push(['end', is_whole])
        resolve()
      },
    })
    answer(request, response)
  })
  await new Promise<void>((listening) => server?.listen(0, '127.0.0.1', listening))
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`).catch(
    () => undefined,
  )
  const bytes = await response?.arrayBuffer().catch(() => undefined)
  await ended
  return { events, got: Buffer.from(bytes ?? new ArrayBuffer()).toString('latin1') }
}

const HEADERS = { 'Content-Type': 'text/plain', 'Mcp-Session-Id': 's1' }

it.each<[string, RequestListener]>([
  ['setHeader', (_, response) => response.setHeaders(new Headers(HEADERS)).writeHead(201).end('x')],
  [
    'setHeader and no head',
    (_, response) => Object.assign(response.setHeaders(new Headers(HEADERS)), { statusCode: 201 }).end('x'),
  ],
  ['an object', (_, response) => response.writeHead(201, HEADERS).end('x')],
  ['an object after a message', (_, response) => response.writeHead(201, 'Made', HEADERS).end('x')],
  ['a list', (_, response) => response.writeHead(201, Object.entries(HEADERS).flat()).end('x')],
])('the head is heard with headers from %s, before the body', async (_, answer) => {
  expect(await hear(answer)).toEqual({
    events: [
      ['begin', 201, 'text/plain', 's1'],
      ['write', 'x'],
      ['end', true],
    ],
    got: 'x',
  })
})

it('a head that is sent ahead is heard, once', async () => {
  const { events } = await hear((_, response) => {
    response.writeHead(200, HEADERS).flushHeaders()
    response.write('a')
    response.end()
  })
  expect(events).toEqual([
    ['begin', 200, 'text/plain', 's1'],
    ['write', 'a'],
    ['end', true],
  ])
})

it('an answer without a body is heard', async () => {
  const { events } = await hear((_, response) => response.writeHead(204).end())
  expect(events).toEqual([
    ['begin', 204, null, null],
    ['end', true],
  ])
})

it('pieces are heard as the bytes that leave, whatever they were written as', async () => {
  const { events, got } = await hear((_, response) => {
    response.write('é')
    response.write('é', 'latin1')
    response.write('6869', 'hex', () => {})
    response.write(new Uint8Array([33]), () => {})
    response.end(() => {})
  })
  const heard = events.flatMap(([event, piece]) => (event === 'write' ? [piece] : []))
  expect(heard).toEqual(['\u00c3\u00a9', '\u00e9', 'hi', '!'])
  expect(got).toBe(heard.join(''))
})

it('what is piped is heard in order', async () => {
  const pieces = ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']
  for (const answer of [
    (_: unknown, response: NodeJS.WritableStream) => void Readable.from(pieces).pipe(response),
    (_: unknown, response: NodeJS.WritableStream) => void pipeline(Readable.from(pieces), response),
  ]) {
    const { events, got } = await hear(answer)
    expect(events.slice(1)).toEqual([...pieces.map((piece) => ['write', piece]), ['end', true]])
    expect(got).toBe(pieces.join(''))
    server?.close()
  }
})

it('an answer that breaks off, with its head or without, is not whole', async () => {
  const { events } = await hear((_, response) => {
    response.write('half')
    response.destroy()
  })
  expect(events.at(-1)).toEqual(['end', false])
  expect((await hear((_, response) => void response.destroy())).events).toEqual([['end', false]])
})
