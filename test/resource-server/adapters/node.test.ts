import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type NodeHandler, protectNodeHandler } from '../../../src/resource-server/adapters/node.ts'
import { createGuard } from '../../../src/resource-server/index.ts'
import {
  type IntrospectionStandIn,
  RESOURCE_SERVER,
  startIntrospectionStandIn,
} from '../../support/introspection-stand-in.ts'

const RESOURCE = 'http://localhost:4001/mcp'

let as: IntrospectionStandIn
let http: Server
let url: string
let handled: { auth: unknown; body: unknown }[]
let errors: Error[]
let handler: NodeHandler

beforeEach(async () => {
  as = await startIntrospectionStandIn(RESOURCE)
  as.tokens.set('reader', { tools: ['get_note'], username: 'Ada', jti: 'j1' })
  handled = []
  errors = []
  handler = (request, response, body) => {
    handled.push({ auth: request.auth, body })
    response.end('ok')
  }
  const options = {
    resource: RESOURCE,
    issuer: as.issuer,
    ...RESOURCE_SERVER,
    default_scopes: ['notes:read'],
  }
  const on_error = (error: Error) => errors.push(error)
  const listener = protectNodeHandler(createGuard({ ...options, on_error }), (...args) => handler(...args))
  http = createServer(listener)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
})
afterEach(async () => {
  http.closeAllConnections()
  await Promise.all([as.close(), new Promise((resolve) => http.close(resolve))])
})

const authorization = 'Bearer reader'
const post = (body: NonNullable<RequestInit['body']>, path = '/mcp') =>
  fetch(url + path, { method: 'POST', headers: { authorization }, body, duplex: 'half' } as RequestInit)

describe('protectNodeHandler', () => {
  it('hands the parsed body and the AuthInfo of the MCP SDK to the handler', async () => {
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'get_note' } }
    expect(await (await post(JSON.stringify(body))).text()).toBe('ok')
    expect(handled).toEqual([
      {
        body,
        auth: {
          token: 'reader',
          clientId: 'c',
          scopes: ['notes:read'],
          expiresAt: expect.any(Number),
          resource: new URL(RESOURCE),
          resourceMetadataUrl: 'http://localhost:4001/.well-known/oauth-protected-resource/mcp',
          extra: { sub: 'ada', username: 'Ada', jti: 'j1', tools: ['get_note'], prompts: [], resources: [] },
        },
      },
    ])
  })

  it('lets GET and DELETE of the transport through with a live token, without a body', async () => {
    for (const method of ['GET', 'DELETE']) {
      expect((await fetch(`${url}/mcp`, { method, headers: { authorization } })).status).toBe(200)
    }
    expect(handled.map(({ body }) => body)).toEqual([undefined, undefined])
  })

  it('guards every path and method that is not its own', async () => {
    for (const path of ['/mcp', '/', '/mcp/', '//', '/admin'])
      expect((await fetch(url + path)).status).toBe(401)
    expect((await fetch(`${url}/mcp`, { method: 'PUT', body: '{}' })).status).toBe(405)
    expect((await fetch(`${url}/.well-known/oauth-authorization-server`)).status).toBe(404)
    expect(handled).toEqual([])
  })

  it('serves the metadata at both well-known paths to any origin', async () => {
    for (const path of ['', '/mcp']) {
      const response = await fetch(`${url}/.well-known/oauth-protected-resource${path}`)
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(await response.json()).toMatchObject({ resource: RESOURCE, authorization_servers: [as.issuer] })
    }
    const posted = await post('{}', '/.well-known/oauth-protected-resource')
    expect(posted.status).toBe(405)
  })

  it('answers the preflight of a browser and shows it the challenge', async () => {
    const preflight = await fetch(`${url}/mcp`, { method: 'OPTIONS' })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-headers')).toBe('*, Authorization')
    const refused = await fetch(`${url}/mcp`)
    expect(refused.headers.get('access-control-expose-headers')).toContain('WWW-Authenticate')
    expect(refused.headers.get('www-authenticate')).toContain('resource_metadata=')
  })

  it('refuses a token in the query of any path', async () => {
    expect((await fetch(`${url}/mcp?access_token=reader`)).status).toBe(400)
  })

  it.each([
    ['nothing', '', -32700],
    ['half of a JSON text', '{"method":', -32700],
    ['JSON that is no message', '7', -32600],
    ['nesting that would overflow a recursive reader', '['.repeat(1e6) + ']'.repeat(1e6), -32600],
    [
      'deep nesting inside a message',
      `{"method":"ping","params":${'{"a":'.repeat(200)}1${'}'.repeat(200)}}`,
      -32600,
    ],
  ])('answers 400 to %s', async (_, body, code) => {
    const response = await post(body)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ jsonrpc: '2.0', id: null, error: { code } })
  })

  it('does not take brackets in strings for nesting', async () => {
    const params = { name: 'get_note', arguments: { text: '"\\[{'.repeat(500) } }
    expect((await post(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }))).status).toBe(
      200,
    )
  })

  it('answers 413 above 4 MiB, announced or not, and accepts just below', async () => {
    const message = (bytes: number) => `{"jsonrpc":"2.0","id":1,"method":"ping"}`.padEnd(bytes)
    const limit = 4 * 1024 * 1024
    expect((await post(message(limit))).status).toBe(200)
    expect((await post(message(limit + 10))).status).toBe(413)
    expect((await post(new Blob([message(limit + 10)]).stream())).status).toBe(413)
  })

  it('survives a client that leaves in the middle of its body', async () => {
    const socket = connect((http.address() as AddressInfo).port, '127.0.0.1')
    const head = `POST /mcp HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\nContent-Length: 9\r\n\r\n{`
    const seen = new Promise((resolve) => http.once('request', resolve))
    socket.write(head)
    await seen
    socket.destroy()
    expect((await post('{"jsonrpc":"2.0","method":"ping","id":1}')).status).toBe(200)
    expect(errors).toEqual([])
  })

  it('reports a handler that fails and does not leak why', async () => {
    handler = () => {
      throw new Error('the disk is full')
    }
    const response = await post('{"jsonrpc":"2.0","method":"ping","id":1}')
    expect([response.status, await response.json()]).toEqual([500, { error: 'server_error' }])
    expect(errors.map(({ message }) => message)).toEqual(['the disk is full'])
  })
})
