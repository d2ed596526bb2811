import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Dropped } from '../../../src/guard/introspection-client/answer-cache.ts'
import {
  RevocationFeed,
  type RevocationFeedSettings,
} from '../../../src/guard/introspection-client/revocation-feed.ts'

/** A server that says what the test says, and nothing by itself. */
type Connection = { request: IncomingMessage; response: ServerResponse; closed: Promise<unknown> }

const SERVER = {
  issuer: 'http://as.test',
  introspection_endpoint: 'http://as.test/introspect',
  client_id: 'notes',
  client_secret: 'secret',
  private_key: undefined,
  timeout_ms: 5_000,
  cache: undefined,
}

let http: Server
let connections: Connection[]
let answer: (connection: Connection) => void
let dropped: Dropped[]
let errors: Error[]
let feeds: RevocationFeed[]

const begin = ({ response }: Connection) => void response.writeHead(200).write(': connected\n\n')
const alive = (id: string) => `event: alive\nid: ${id}\ndata: {}\n\n`
const drop = (id: string, data: string) => `event: drop\nid: ${id}\ndata: ${data}\n\n`
const last = () => connections.at(-1)!
const headerOf = ({ request }: Connection) => request.headers['last-event-id']

beforeEach(async () => {
  connections = []
  dropped = []
  errors = []
  feeds = []
  answer = begin
  http = createServer((request, response) => {
    request.resume()
    const connection = { request, response, closed: once(response, 'close') }
    connections.push(connection)
    answer(connection)
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
})
afterEach(async () => {
  for (const feed of feeds) feed.close()
  http.closeAllConnections()
  await new Promise((resolve) => http.close(resolve))
})

function feedWith(settings: Partial<RevocationFeedSettings> = {}): RevocationFeed {
  const issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const feed = new RevocationFeed({
    server: { ...SERVER, issuer, introspection_endpoint: `${issuer}/introspect`, fetch },
    lease_ms: 60_000,
    idle_ms: 60_000,
    drop: (what) => dropped.push(what),
    on_error: (error) => errors.push(error),
    ...settings,
  })
  feeds.push(feed)
  return feed
}

/** Until it is told to stop, or the test is over. */
function sayAlive(): () => void {
  const saying = setInterval(() => connections.at(-1)?.response.write(alive('1')), 20)
  const stop = () => clearInterval(saying)
  onTestFinished(stop)
  return stop
}

const connected = (count: number) => expect.poll(() => connections.length).toBe(count)
const live = (feed: RevocationFeed, is = true) => expect.poll(() => feed.isLive()).toBe(is)

describe('the feed of a guard', () => {
  it('is opened when somebody asks, and counts once the server has said that it lives', async () => {
    const feed = feedWith()
    expect(connections).toEqual([])
    feed.use()
    feed.use()
    await connected(1)
    const { request, response } = last()
    expect(request).toMatchObject({ method: 'POST', url: '/introspect/changes' })
    expect(request.headers.authorization).toBe(`Basic ${btoa('notes:secret')}`)
    response.write(drop('1', '{"drop":"all"}'))
    await expect.poll(() => dropped).toEqual([{ drop: 'all' }])
    expect(feed.isLive()).toBe(false)
    response.write(alive('1'))
    await live(feed)
    expect(connections).toHaveLength(1)
  })

  it('does not count while it is away, and goes on from where it was', async () => {
    const feed = feedWith()
    feed.use()
    await connected(1)
    last().response.write(alive('1') + drop('2', '{"accounts":["a"]}'))
    await live(feed)
    answer = () => {}
    last().response.end()
    await connected(2)
    expect(feed.isLive()).toBe(false)
    expect(headerOf(last())).toBe('2')
    last()
      .response.writeHead(200)
      .write(drop('3', '{"accounts":["b"]}') + alive('3'))
    await live(feed)
    expect(dropped).toEqual([{ accounts: ['a'] }, { accounts: ['b'] }])
    expect(errors).toEqual([])
  })

  it('does not count when it is silent for longer than its lease, and is opened anew', async () => {
    const feed = feedWith({ lease_ms: 100 })
    feed.use()
    await connected(1)
    // Again and again, however late this process comes to look.
    const stop = sayAlive()
    await live(feed)
    stop()
    await live(feed, false)
    await expect.poll(() => connections.length).toBeGreaterThan(1)
    sayAlive()
    await live(feed)
  })

  it.each([401, 403, 404, 500, 503])(
    'does not count when the answer is %i, and says so once',
    async (status) => {
      answer = ({ response }) => void response.writeHead(status).end('event: alive\n\n')
      const feed = feedWith()
      feed.use()
      await expect.poll(() => connections.length).toBeGreaterThan(2)
      expect(feed.isLive()).toBe(false)
      expect(errors.map(({ message, cause }) => [message, String(cause)])).toEqual([
        ['No revocation feed: every call asks', `Error: Status ${status}`],
      ])
    },
  )

  it.each(['{"accounts":', ''])('asks again for what it could not read: %j', async (data) => {
    const feed = feedWith()
    feed.use()
    await connected(1)
    last().response.write(alive('1'))
    await live(feed)
    last().response.write(drop('2', data))
    await connected(2)
    expect(feed.isLive()).toBe(false)
    expect(headerOf(last())).toBe('1')
  })

  it('lets the guard decide about a message of a kind it does not know', async () => {
    feedWith().use()
    await connected(1)
    last().response.write('event: later\ndata: {"else":1}\n\n')
    await expect.poll(() => dropped).toEqual([{ else: 1 }])
  })

  it('is closed when nobody asks for long, and opened when somebody does', async () => {
    const feed = feedWith({ idle_ms: 400 })
    answer = ({ response }) => void response.writeHead(200).write(alive('1'))
    sayAlive()
    feed.use()
    await connected(1)
    await last().closed
    expect(feed.isLive()).toBe(false)
    feed.use()
    await connected(2)
    expect(headerOf(last())).toBe('1')
  })

  it('ends when it is closed, and stays so', async () => {
    const feed = feedWith()
    feed.use()
    await connected(1)
    last().response.write(alive('1'))
    await live(feed)
    const ended = once(last().response, 'close')
    feed.close()
    await ended
    expect(feed.isLive()).toBe(false)
    feed.use()
    await live(feed, false)
    expect(connections).toHaveLength(1)
    expect(errors).toEqual([])
  })

  it('reads the same from whatever pieces its messages arrive in', async () => {
    const messages = drop('é1', '{"accounts":["ü","b"]}') + alive('2') + drop('3', '{"clients":["ö"]}')
    const bytes = Buffer.from(`: hello\n\n${messages}`)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length)), async (cuts) => {
        const heard: Dropped[] = []
        const edges = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
        const pieces = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
        const body = () =>
          new ReadableStream({
            start: (controller) => {
              for (const piece of pieces) controller.enqueue(new Uint8Array(piece))
            },
          })
        const open = feedWith({
          drop: (what) => heard.push(what),
          server: { ...SERVER, fetch: async () => new Response(body()) },
        })
        open.use()
        await expect.poll(() => heard.length, { interval: 1 }).toBe(2)
        open.close()
        expect(heard).toEqual([{ accounts: ['ü', 'b'] }, { clients: ['ö'] }])
      }),
      { numRuns: 50 },
    )
  })
})
