import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type NodeHandler, protectNodeHandler } from '../../../src/guard/adapters/node.ts'
import { createGuard } from '../../../src/guard/index.ts'
import {
  type IntrospectionStandIn,
  RESOURCE_SERVER,
  startIntrospectionStandIn,
} from '../../support/introspection-stand-in.ts'
import { describeGuarantees } from './suite.ts'
import { serveByNode } from './ways-to-serve.ts'

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

describeGuarantees('protectNodeHandler', serveByNode)

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

  it('reports a handler that fails and does not leak why', async () => {
    handler = () => {
      throw new Error('the disk is full')
    }
    const response = await post('{"jsonrpc":"2.0","method":"ping","id":1}')
    expect([response.status, await response.json()]).toEqual([500, { error: 'server_error' }])
    expect(errors.map(({ message }) => message)).toEqual(['the disk is full'])
  })
})
