import { InMemoryTransport as V1InMemory } from '@modelcontextprotocol/sdk/inMemory.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { InMemoryTransport as V2InMemory } from '@modelcontextprotocol/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AnswerWatch } from '../../../src/guard/answers/answer-watch.ts'
import { createGuard, type Guard } from '../../../src/guard/index.ts'
import { localPolicy } from '../../../src/guard/local/index.ts'
import { protectTransport } from '../../../src/guard/mcp-sdk/index.ts'
import {
  type IntrospectionStandIn,
  RESOURCE_SERVER,
  startIntrospectionStandIn,
} from '../../support/introspection-stand-in.ts'

const RESOURCE = 'http://localhost:4001/mcp'

type Message = { jsonrpc: '2.0'; id?: number | string; [member: string]: unknown }
type Pipe = {
  send(message: unknown): Promise<void>
  onmessage?: (message: never, extra?: never) => void
  close(): Promise<void>
}

/** What a watch of the decision heard, event by event. */
let heard: unknown[]
let errors: Error[]
let as: IntrospectionStandIn
beforeEach(async () => {
  heard = []
  errors = []
  as = await startIntrospectionStandIn(RESOURCE)
  as.scopes.set('get_note', 'notes:read').set('delete_note', 'notes:delete notes:write')
  as.tokens.set('reader', { tools: ['get_note'] })
})
afterEach(() => as.close())

const on_error = (error: Error) => void errors.push(error)

/** A guard whose decisions tell what their watches hear. */
function listenedTo(guard: Guard): Guard {
  const listening = (id: unknown, watch: AnswerWatch): AnswerWatch => ({
    begin(status, headers) {
      heard.push([id, status, headers.get('content-type')])
      watch.begin(status, headers)
    },
    write(chunk) {
      heard.push([id, JSON.parse(new TextDecoder().decode(chunk))])
      watch.write(chunk)
    },
    end(is_whole) {
      heard.push([id, is_whole ? 'whole' : 'broken'])
      watch.end(is_whole)
    },
  })
  return {
    ...guard,
    async decide(request) {
      const decision = await guard.decide(request)
      if (decision.outcome === 'refused') return decision
      const { id } = decision.body as Message
      return { ...decision, watch: listening(id, decision.watch) }
    },
  }
}

const byToken = () =>
  listenedTo(
    createGuard({
      resource: RESOURCE,
      issuer: as.issuer,
      ...RESOURCE_SERVER,
      default_scopes: ['notes:read'],
      on_error,
    }),
  )

const log = { append: async () => {}, close: async () => {} }
const catalogue = {
  resources: [
    {
      resource: RESOURCE,
      name: 'Notes',
      default_scopes: [],
      scopes: [{ name: 'notes:read', description: '', tools: ['get_note'], includes: [] }],
    },
  ],
}
const byCatalogue = () =>
  createGuard({
    mode: 'none',
    resource: RESOURCE,
    default_scopes: [],
    local: localPolicy({ catalogue, log }),
    on_error,
  })

describe.each([
  ['v1', () => V1InMemory.createLinkedPair()],
  ['v2', () => V2InMemory.createLinkedPair()],
])('a protected transport of SDK %s', (_, createPair) => {
  /** Of the far end: sends, and waits for the next message. Of the server: what it got, and how it answers. */
  async function connect(options: { guard?: Guard; token?: string } = {}) {
    const { guard = byToken(), token = 'reader' } = options
    const [far, near] = createPair() as unknown as [Pipe, Pipe & { start(): Promise<void> }]
    const transport = protectTransport(guard, near, { token }) as typeof near & {
      onmessage?: (message: Message, extra?: { authInfo?: unknown }) => void
    }
    const got: Message[] = []
    const received: Message[] = []
    const waiting: (() => void)[] = []
    far.onmessage = (message: Message) => {
      received.push(message)
      waiting.shift()?.()
    }
    const server = {
      /** What the server does with a message; answers nothing unless it is told to. */
      handle: (_message: Message): unknown => undefined,
    }
    transport.onmessage = (message: Message) => {
      got.push(message)
      void server.handle(message)
    }
    await transport.start()
    await (far as typeof near).start()
    const next = async () => {
      while (received.length === 0) await new Promise<void>((resolve) => waiting.push(resolve))
      return received.shift()
    }
    /** Once this is answered, everything before it was delivered. */
    const settle = async () => {
      const before = server.handle
      server.handle = ({ id }) => (id === 'last' ? transport.send({ jsonrpc: '2.0', id, result: {} }) : 0)
      await far.send({ jsonrpc: '2.0', id: 'last', method: 'ping' })
      await next()
      server.handle = before
    }
    return { far, transport, server, got, next, settle }
  }

  const call = (id: number, name: string): Message => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name, arguments: {} },
  })

  it('delivers in the order in which messages came, however long each decision takes', async () => {
    const slow = byToken()
    const { decide } = slow
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const guard: Guard = {
      ...slow,
      async decide(request) {
        const decision = await decide(request)
        if (decision.outcome === 'allowed' && (decision.body as Message).id === 1) await held
        if (decision.outcome === 'allowed' && (decision.body as Message).id === 2) release()
        return decision
      },
    }
    const { far, got, settle } = await connect({ guard })
    await far.send(call(1, 'get_note'))
    await far.send(call(2, 'get_note'))
    await settle()
    expect(got.map(({ id }) => id)).toEqual([1, 2, 'last'])
  })

  it('answers what is refused with what a client needs to step up', async () => {
    const { far, next, got } = await connect()
    await far.send(call(1, 'delete_note'))
    expect(await next()).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: {
        code: -32010,
        message: 'The access token lacks a scope that this call needs',
        data: {
          status: 403,
          error: 'insufficient_scope',
          scope: 'notes:delete notes:write',
          resource_metadata: 'http://localhost:4001/.well-known/oauth-protected-resource/mcp',
        },
      },
    })
    expect(got).toEqual([])
  })

  it('lets nothing through while the authorization server cannot be asked, and says when to come again', async () => {
    as.override = { status: 500, body: '' }
    const { far, next, got } = await connect()
    await far.send(call(1, 'get_note'))
    expect(await next()).toMatchObject({
      id: 1,
      error: {
        code: -32010,
        data: { status: 503, error: 'temporarily_unavailable', retry_after_seconds: 1 },
      },
    })
    expect(got).toEqual([])
    expect(errors).toHaveLength(1)
  })

  it('lets nothing through when the decision itself fails', async () => {
    const guard: Guard = { ...byToken(), decide: () => Promise.reject(new Error('broken')) }
    const { far, next, got } = await connect({ guard })
    await far.send(call(1, 'get_note'))
    expect(await next()).toMatchObject({ id: 1, error: { code: -32603 } })
    expect(got).toEqual([])
  })

  it('lists the tools that may be called, and nothing else about the answer changes', async () => {
    const { far, server, transport, next } = await connect()
    const tools = [{ name: 'get_note', title: 'Get' }, { name: 'delete_note' }, { nonsense: true }]
    server.handle = ({ id }) =>
      transport.send({ jsonrpc: '2.0', id, result: { tools, nextCursor: 'n', _meta: { a: 1 } } })
    await far.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
    expect(await next()).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: { tools: [{ name: 'get_note', title: 'Get' }], nextCursor: 'n', _meta: { a: 1 } },
    })
  })

  it('a request cannot take the id of one that is not answered yet, and with it the answer', async () => {
    const { far, server, transport, got, next } = await connect()
    await far.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
    await far.send(call(1, 'get_note'))
    expect(await next()).toMatchObject({ id: 1, error: { code: -32600 } })
    expect(got.map(({ method }) => method)).toEqual(['tools/list'])
    await transport.send({ jsonrpc: '2.0', id: 1, result: { tools: [{ name: 'delete_note' }] } })
    expect(await next()).toMatchObject({ result: { tools: [] } })
    server.handle = ({ id }) => transport.send({ jsonrpc: '2.0', id, result: {} })
    await far.send(call(1, 'get_note'))
    expect(await next()).toMatchObject({ id: 1, result: {} })
  })

  it('an answer to what was never let through stays here', async () => {
    const { far, transport, next } = await connect()
    await transport.send({ jsonrpc: '2.0', id: 7, result: { secret: true } })
    await far.send(call(8, 'delete_note'))
    expect(await next()).toMatchObject({ id: 8 })
    expect(errors.map(({ message }) => message)).toContain(
      'An answer was held back: no request with its id is open',
    )
  })

  it('what the server asks and tells passes, and so do the answers of the client', async () => {
    const { far, transport, got, next, settle } = await connect()
    await transport.send({ jsonrpc: '2.0', id: 1, method: 'roots/list' })
    expect(await next()).toMatchObject({ id: 1, method: 'roots/list' })
    await transport.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })
    expect(await next()).toMatchObject({ method: 'notifications/tools/list_changed' })
    await far.send({ jsonrpc: '2.0', id: 1, result: { roots: [] } })
    await far.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
    await settle()
    expect(got.map(({ method }) => method)).toEqual([undefined, 'notifications/initialized', 'ping'])
  })

  it('a notification or response that is refused is dropped and reported', async () => {
    const { far, got, next } = await connect({ token: 'nobody' })
    await far.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
    await far.send({ jsonrpc: '2.0', id: 1, result: {} })
    await far.send({ jsonrpc: '2.0', id: 2, method: 'ping' })
    expect(await next()).toMatchObject({ id: 2, error: { data: { status: 401, error: 'invalid_token' } } })
    expect(got).toEqual([])
    expect(errors.map(({ message }) => message)).toEqual([
      'A notification was dropped: refused with status 401',
      'A response was dropped: refused with status 401',
    ])
  })

  it('of a batch every message is decided, and what is allowed is delivered', async () => {
    const { far, got, next } = await connect()
    await far.send([call(1, 'get_note'), call(2, 'delete_note'), call(3, 'get_note')])
    expect(await next()).toMatchObject({ id: 2, error: { data: { status: 403 } } })
    expect(got.map(({ id }) => id)).toEqual(expect.arrayContaining([1]))
    await far.send(call(4, 'delete_note'))
    expect(await next()).toMatchObject({ id: 4 })
    expect(got.map(({ id }) => id)).toEqual([1, 3])
  })

  it('the decision hears what each request was answered with, and that the others broke off', async () => {
    const { far, transport, server, next, settle } = await connect()
    server.handle = ({ id }) => (id === 1 ? transport.send({ jsonrpc: '2.0', id, result: { n: 1 } }) : 0)
    await far.send(call(1, 'get_note'))
    await next()
    await far.send(call(2, 'get_note'))
    await far.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } })
    await far.send(call(3, 'get_note'))
    await settle()
    await transport.close()
    const of = (id: unknown) =>
      heard.filter((each) => (each as unknown[])[0] === id).map((each) => (each as unknown[]).slice(1))
    expect(of(1)).toEqual([
      [200, 'application/json'],
      [{ jsonrpc: '2.0', id: 1, result: { n: 1 } }],
      ['whole'],
    ])
    expect(of(2)).toEqual([['broken']])
    expect(of(3)).toEqual([['broken']])
    expect(of(undefined)).toEqual([[202, null], ['whole']])
  })

  it('is the session of whoever opened it, with whatever token, and of nobody else', async () => {
    as.tokens.set('renewed', { tools: ['get_note'] }).set('stranger', { tools: ['get_note'], sub: 'eve' })
    const { far, got, next, settle } = await connect()
    const sendAs = (token: string, message: Message) =>
      (far.send as (message: Message, extra: unknown) => Promise<void>)(message, { authInfo: { token } })
    await sendAs('reader', call(1, 'get_note'))
    await sendAs('renewed', call(2, 'get_note'))
    await sendAs('stranger', call(3, 'get_note'))
    expect(await next()).toMatchObject({ id: 3, error: { code: -32001 } })
    await settle()
    expect(got.map(({ id }) => id)).toEqual([1, 2, 'last'])
  })

  it('in mode none the catalogue decides, and what comes over HTTP is served to nobody', async () => {
    const { far, got, next, settle } = await connect({ guard: byCatalogue() })
    await far.send(call(1, 'delete_note'))
    expect(await next()).toMatchObject({ id: 1, error: { data: { status: 403 } } })
    await far.send(call(2, 'get_note'))
    await settle()
    expect(got.map(({ id }) => id)).toEqual([2, 'last'])
    const http = { authInfo: { token: 't', clientId: 'c', scopes: [] } }
    await (far.send as (message: Message, extra: unknown) => Promise<void>)(call(3, 'get_note'), http)
    expect(await next()).toMatchObject({ id: 3, error: { data: { status: 403, error: 'access_denied' } } })
  })
})

describe('protectTransport', () => {
  const [pipe] = V2InMemory.createLinkedPair()
  const http = () => new StreamableHTTPServerTransport({})

  it('starts no server that authenticates nobody over HTTP', () => {
    expect(() => protectTransport(byCatalogue(), http())).toThrow(/not for the SDK's HTTP transports/)
  })

  it('starts no server over stdio whose caller has to have a token and has none', () => {
    expect(() => protectTransport(byToken(), pipe)).toThrow(/needs the option token over stdio/)
    expect(() => protectTransport(byToken(), pipe, { token: '' })).toThrow(TypeError)
    expect(() => protectTransport(byToken(), http())).not.toThrow()
  })

  /** Like the SDK's transport of HTTP+SSE: whatever is posted is a message, and all answers go to one stream. */
  const sse = () => ({
    sent: [] as Message[],
    onmessage: undefined as ((message: Message, extra?: object) => void) | undefined,
    async start() {},
    async close() {},
    async send(message: Message) {
      this.sent.push(message)
    },
    async handlePostMessage(request: { auth?: object }, response: { end(): void }, body: Message) {
      this.onmessage?.(body, { authInfo: request.auth })
      response.end()
    },
  })
  const callOf = (id: number): Message => ({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name: 'get_note' },
  })
  const post = (to: ReturnType<typeof sse>, auth: object | undefined, body: Message) =>
    new Promise<number>((resolve) => {
      let status = 202
      const response = {
        writeHead(written: number) {
          status = written
          return response
        },
        end: () => resolve(status),
      }
      void to.handlePostMessage({ ...(auth && { auth }) }, response, body)
    })

  it('over HTTP nobody has the token of whoever started this process', async () => {
    const wire = sse()
    const guarded = protectTransport(byToken(), wire, { token: 'reader' })
    const got: Message[] = []
    const answered = new Promise<void>((resolve) => {
      wire.send = async (message) => {
        wire.sent.push(message)
        resolve()
      }
      guarded.onmessage = (message) => {
        got.push(message)
        resolve()
      }
    })
    await guarded.start()
    await post(guarded, undefined, callOf(1))
    await answered
    expect(got).toEqual([])
    expect(wire.sent).toMatchObject([{ id: 1, error: { data: { status: 401 } } }])
  })

  it('who posts to the stream of somebody else is answered 404, and nothing comes on that stream', async () => {
    as.tokens.set('other', { tools: ['get_note'], sub: 'eve' })
    const wire = sse()
    const guarded = protectTransport(byToken(), wire)
    const got: Message[] = []
    const delivered = new Promise<void>((resolve) => {
      guarded.onmessage = (message) => {
        got.push(message)
        resolve()
      }
    })
    await guarded.start()
    await post(guarded, { token: 'reader', clientId: 'c', extra: { sub: 'ada' } }, callOf(1))
    await delivered
    const asked = as.requests.length
    expect(await post(guarded, { token: 'other', clientId: 'c', extra: { sub: 'eve' } }, callOf(1))).toBe(404)
    expect(got).toEqual([callOf(1)])
    expect(wire.sent).toEqual([])
    expect(as.requests.length).toBe(asked)
  })
})
