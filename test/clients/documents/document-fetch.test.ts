import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isPublicAddress } from '../../../src/base/host.ts'
import { type DocumentNetwork, fetchDocument } from '../../../src/clients/documents/document-fetch.ts'
import { type Answer, DocumentHost, json, status } from '../../support/document-host.ts'

const LIMIT = 5 * 1024
const SHORT_MS = 200

let host: DocumentHost
beforeAll(async () => {
  host = await DocumentHost.start()
})
beforeEach(() => {
  host.requests.length = 0
  host.connections = 0
  host.lookups = 0
  host.addresses = ['127.0.0.1']
})
afterAll(() => host.close())

const fetched = (url = host.url(), network: Partial<DocumentNetwork> = {}) =>
  fetchDocument(new URL(url), LIMIT, host.networkWith(network))

const body = (content: Buffer | string, headers: Record<string, string> = {}): Answer => {
  return (_, response) =>
    void response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(content)
}

describe('a document', () => {
  it('is fetched in one request that names its sender, tells no cookies, and asks for JSON as it is', async () => {
    host.answer = json({ a: 1 })
    expect(await fetched(host.url('/a/b.json?c=d'))).toMatchObject({ outcome: 'document', text: '{"a":1}' })
    expect(host.requests).toEqual([
      {
        path: '/a/b.json?c=d',
        headers: {
          host: 'app.documents.example',
          accept: 'application/json',
          'accept-encoding': 'identity',
          'user-agent': expect.stringMatching(/^Toolgate /),
          connection: 'close',
        },
      },
    ])
  })

  it.each([
    [undefined, 30],
    ['no-store', 30],
    ['max-age=0', 30],
    ['max-age=29', 30],
    ['public, max-age=120, must-revalidate', 120],
    ['Max-Age="300"', 300],
    ['max-age=31536000', 900],
    ['max-age=99999999999999999999', 900],
    ['s-maxage=500', 30],
    ['max-age=-5', 30],
  ])('whose Cache-Control is %s is fresh for %i seconds', async (value, seconds) => {
    host.answer = json({}, value === undefined ? {} : { 'cache-control': value })
    expect(await fetched()).toMatchObject({ fresh_for_seconds: seconds })
  })

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'APPLICATION/JSON',
    'application/client+json',
  ])('may come as %s', async (type) => {
    host.answer = body('{}', { 'content-type': type })
    expect(await fetched()).toMatchObject({ outcome: 'document' })
  })

  it.each(['text/html', 'text/plain', 'text/json', 'application/jsonx', 'application/javascript', ''])(
    'is none as %j',
    async (type) => {
      host.answer = body('{}', { 'content-type': type })
      expect(await fetched()).toEqual({ outcome: 'refused', reason: 'the answer is not JSON' })
    },
  )

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])(
    'that comes as %s although it was not asked for is read, unless it bursts',
    async (encoding, compress) => {
      const headers = { 'content-encoding': encoding }
      host.answer = body(compress('{"a":1}'), headers)
      expect(await fetched()).toMatchObject({ outcome: 'document', text: '{"a":1}' })
      host.answer = body(compress(JSON.stringify('x'.repeat(1_000_000))), headers)
      expect(await fetched()).toMatchObject({ outcome: 'refused' })
      host.answer = body('not compressed', headers)
      expect(await fetched()).toMatchObject({ outcome: 'refused' })
    },
  )

  it('in an encoding nobody knows is refused', async () => {
    for (const encoding of ['zstd', 'gzip, br', 'toString', '__proto__']) {
      host.answer = body('{}', { 'content-encoding': encoding })
      expect(await fetched()).toMatchObject({ outcome: 'refused' })
    }
  })

  it('has at most the bytes it may have, with a length announced or not', async () => {
    host.answer = body('x'.repeat(LIMIT))
    expect(await fetched()).toMatchObject({ outcome: 'document' })
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }] as Record<string, string>[]) {
      host.answer = body('x'.repeat(LIMIT + 1), headers)
      expect(await fetched()).toEqual({ outcome: 'refused', reason: 'the document is larger than 5 KB' })
    }
  })
})

describe('an answer without a document', () => {
  it.each([403, 408, 429, 500, 502, 503, 504, 529])('%i says nothing about it', async (code) => {
    host.answer = status(code)
    expect(await fetched()).toEqual({ outcome: 'unavailable', reason: `the host answered ${code}` })
  })

  it.each([201, 204, 304, 400, 401, 404, 410, 451])('%i refuses it', async (code) => {
    host.answer = status(code)
    expect(await fetched()).toEqual({ outcome: 'refused', reason: `the host answered ${code}` })
  })

  it.each([301, 302, 303, 307, 308])('%i is not followed', async (code) => {
    host.answer = status(code, { location: host.url('/elsewhere') })
    expect(await fetched()).toMatchObject({ outcome: 'refused' })
    expect(host.requests.length).toBe(1)
  })
})

describe('a host', () => {
  const slow: [string, Answer][] = [
    ['never answers', () => undefined],
    [
      'stops in the middle',
      (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{'),
    ],
    [
      'answers a byte now and then',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' })
        const timer = setInterval(() => response.write(' '), 20)
        response.on('close', () => clearInterval(timer))
      },
    ],
  ]
  it.each(slow)('that %s is left after a while', async (_, answer) => {
    host.answer = answer
    const reason = `the host did not answer within ${SHORT_MS} ms`
    expect(await fetched(host.url(), { timeout_ms: SHORT_MS })).toEqual({ outcome: 'unavailable', reason })
  })

  it('whose name server never answers is left too', async () => {
    const resolve = () => new Promise<string[]>(() => undefined)
    expect(await fetched(host.url(), { timeout_ms: SHORT_MS, resolve })).toMatchObject({
      outcome: 'unavailable',
    })
  })

  it('that hangs up, has another certificate, or is not there is unavailable', async () => {
    host.answer = (request) => void request.socket.destroy()
    expect(await fetched()).toMatchObject({ outcome: 'unavailable' })
    host.answer = json({})
    expect(await fetched(host.url('/', 'other.example'))).toMatchObject({ outcome: 'unavailable' })
    expect(
      await fetched(host.url(), { resolve: () => Promise.reject(new Error('ENOTFOUND')) }),
    ).toMatchObject({
      outcome: 'unavailable',
    })
    const { ca: _, ...stranger } = host.network
    expect(await fetchDocument(new URL(host.url()), LIMIT, stranger)).toMatchObject({
      outcome: 'unavailable',
    })
    expect(host.requests.length).toBe(1)
  })
})

const CLOSED = { outcome: 'unavailable', reason: 'the host could not be reached on the public Internet' }

describe('before connecting', () => {
  it.each([
    ...['https://127.0.0.1/x', 'https://127.1/x', 'https://2130706433/x', 'https://0x7f.0.0.1/x'],
    ...[
      'https://017700000001/x',
      'https://0/x',
      'https://[::1]/x',
      'https://[::]/x',
      'https://169.254.169.254/x',
    ],
    ...['https://[::ffff:127.0.0.1]/x', 'https://[::ffff:7f00:1]/x', 'https://[64:ff9b::7f00:1]/x'],
    ...['https://[fe80::1]/x', 'https://[fd00::1]/x', 'https://10.0.0.1/x', 'https://①②⑦.⓪.⓪.①/x'],
  ])('the literal %s is refused', async (url) => {
    expect(await fetched(url, { permits: isPublicAddress })).toEqual(CLOSED)
    expect([host.lookups, host.connections]).toEqual([0, 0])
  })

  it.each([
    'http://app.documents.example/x',
    'https://app.documents.example:8443/x',
    'https://user@app.documents.example/x',
    'ftp://app.documents.example/x',
  ])('%s is refused', async (url) => {
    expect(await fetched(url)).toEqual(CLOSED)
    expect([host.lookups, host.connections]).toEqual([0, 0])
  })

  it.each([
    [['127.0.0.1']],
    [['169.254.169.254']],
    [['::1']],
    [['::ffff:127.0.0.1']],
    [['8.8.8.8', '127.0.0.1']],
    [['127.0.0.1', '2606:4700::1111']],
    [[]],
    [['not an address']],
  ])('a name that resolves to %j is refused', async (addresses) => {
    host.addresses = addresses
    expect(await fetched(host.url(), { permits: isPublicAddress })).toEqual(CLOSED)
    expect([host.lookups, host.connections]).toEqual([1, 0])
  })

  it('the address that was checked is the one connected to: a name is looked up once', async () => {
    host.answer = json({})
    const answers = [['127.0.0.1'], ['127.0.0.1', '127.0.0.2'], ['127.0.0.2']]
    const resolve = async () => {
      host.lookups += 1
      return answers.shift() ?? []
    }
    expect(await fetched(host.url(), { resolve })).toMatchObject({ outcome: 'document' })
    expect([host.lookups, host.connections]).toEqual([1, 1])
    expect(await fetched(host.url(), { resolve })).toEqual(CLOSED)
    expect(await fetched(host.url(), { resolve })).toEqual(CLOSED)
    expect([host.lookups, host.connections]).toEqual([3, 1])
  })

  it('the real network refuses the name of this machine', async () => {
    expect(await fetchDocument(new URL('https://localhost/x'), LIMIT)).toEqual(CLOSED)
  })
})

describe('proxies', () => {
  const MODULE = fileURLToPath(new URL('../../../src/clients/documents/document-fetch.ts', import.meta.url))
  const PROGRAM = `
    import { get } from 'node:https'
    import { fetchDocument } from ${JSON.stringify(MODULE)}
    const { network, proxy, url, plainly } = JSON.parse(process.env.INPUT)
    const dispatcher = { dispatch() { fetch(proxy) } }
    for (const version of [1, 2]) globalThis[Symbol.for('undici.globalDispatcher.' + version)] = dispatcher
    const whole = { ...network, resolve: async () => ['127.0.0.1'], permits: () => true }
    if (plainly) get(url).on('error', () => console.log('{}'))
    else console.log(JSON.stringify(await fetchDocument(new URL(url), 5120, whole)))`

  let canary: Server
  let seen: number
  beforeEach(async () => {
    host.answer = json({ a: 1 })
    seen = 0
    canary = createServer((socket) => {
      seen += 1
      socket.destroy()
    }).listen(0, '127.0.0.1')
    await once(canary, 'listening')
  })
  afterEach(() => void canary.close())

  /** Runs the fetch, or one that takes no care, in a process whose environment names the canary as every proxy. */
  async function inProcess(plainly: boolean): Promise<unknown> {
    const proxy = `http://127.0.0.1:${(canary.address() as AddressInfo).port}`
    const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()])
    const { port, timeout_ms, ca } = host.network
    const input = { network: { port, timeout_ms, ca }, proxy, url: host.url(), plainly }
    const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        PATH: process.env.PATH,
        NODE_USE_ENV_PROXY: '1',
        ...Object.fromEntries(names.map((name) => [name, proxy])),
        INPUT: JSON.stringify(input),
      },
    })
    const [output] = await Promise.all([text(child.stdout), once(child, 'close')])
    return JSON.parse(output)
  }

  it('that the environment or the process names see no byte', async () => {
    expect(await inProcess(false)).toMatchObject({ outcome: 'document', text: '{"a":1}' })
    expect(seen).toBe(0)
  })

  it('are seen by a request that takes no care, so this test would notice', async () => {
    await inProcess(true)
    expect(seen).toBeGreaterThan(0)
  })
})
