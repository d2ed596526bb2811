import { Client as V2Client, StreamableHTTPClientTransport as V2Http } from '@modelcontextprotocol/client'
import { Client as V1Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as V1Http } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport as V1Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { OAuthError } from '@modelcontextprotocol/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGuard, type Guard } from '../../../src/guard/index.ts'
import { localPolicy } from '../../../src/guard/local/index.ts'
import { tokenVerifier } from '../../../src/guard/mcp-sdk/index.ts'
import {
  type IntrospectionStandIn,
  RESOURCE_SERVER,
  startIntrospectionStandIn,
} from '../../support/introspection-stand-in.ts'
import {
  type Ran,
  type SdkServerStand,
  startV1WithSessions,
  startV2Handler,
  startV2WithSessions,
} from '../../support/sdk-servers.ts'

const RESOURCE = 'http://localhost:4001/mcp'
const METADATA = 'http://localhost:4001/.well-known/oauth-protected-resource/mcp'

let as: IntrospectionStandIn
let guard: Guard
let server: SdkServerStand
let ran: Ran[]
let errors: Error[]
beforeEach(async () => {
  as = await startIntrospectionStandIn(RESOURCE)
  as.scopes.set('get_note', 'notes:read').set('delete_note', 'notes:delete')
  as.tokens.set('reader', { tools: ['get_note'] })
  as.tokens.set('deleter', { tools: ['delete_note', 'get_note'], scope: 'notes:delete' })
  as.tokens.set('elsewhere', { tools: ['get_note'], aud: 'http://calendar.test/mcp' })
  as.tokens.set('stranger', { tools: ['get_note', 'delete_note'], sub: 'eve' })
  ran = []
  errors = []
  guard = createGuard({
    resource: RESOURCE,
    issuer: as.issuer,
    ...RESOURCE_SERVER,
    default_scopes: ['notes:read'],
    on_error: (error) => errors.push(error),
  })
})
afterEach(async () => {
  await server.close()
  await as.close()
})

const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
}

function send(token: string | undefined, more: { method?: string; headers?: object; body?: object } = {}) {
  const { method = 'POST', headers = {}, body = initialize } = more
  return server.fetch(
    new Request(RESOURCE, {
      method,
      headers: {
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(method === 'POST' ? { body: JSON.stringify(body) } : {}),
    }),
  )
}

/** What the client's requests were answered with. */
type Answered = { status: number; challenge: string | null }

type Connected = {
  answered: Answered[]
  tools(): Promise<string[]>
  call(name: string): Promise<unknown>
  close(): Promise<void>
}

async function connected(token: string, sdk: 'v1' | 'v2', mode: 'auto' | 'legacy'): Promise<Connected> {
  const answered: Answered[] = []
  const options = {
    requestInit: { headers: { authorization: `Bearer ${token}` } },
    fetch: async (url: string | URL | Request, init?: RequestInit) => {
      const response = await server.fetch(new Request(url, init))
      answered.push({ status: response.status, challenge: response.headers.get('www-authenticate') })
      return response
    },
  }
  const info = { name: 'test', version: '1' }
  const v1 = async () => {
    const client = new V1Client(info)
    await client.connect(new V1Http(new URL(RESOURCE), options) as V1Transport)
    return client
  }
  const v2 = async () => {
    const client = new V2Client(info, { versionNegotiation: { mode } })
    await client.connect(new V2Http(new URL(RESOURCE), options))
    return client
  }
  const client = sdk === 'v1' ? await v1() : await v2()
  return {
    answered,
    tools: async () => (await client.listTools()).tools.map(({ name }) => name).toSorted(),
    call: (name) => client.callTool({ name, arguments: {} }),
    close: () => client.close(),
  }
}

const SERVERS = [
  ['SDK v1 on Express with sessions', startV1WithSessions, 'v1', 'legacy'],
  ['SDK v2 with sessions', startV2WithSessions, 'v2', 'legacy'],
  ['SDK v2 createMcpHandler', startV2Handler, 'v2', 'auto'],
  ['SDK v2 createMcpHandler on an older revision', startV2Handler, 'v2', 'legacy'],
] as const
const WITH_SESSIONS = SERVERS.slice(0, 2)

describe.each(SERVERS)('behind the bearer middleware of %s', (_, start, sdk, mode) => {
  beforeEach(async () => {
    server = await start(guard, ran)
  })

  it('a client without a token is led to the metadata', async () => {
    const response = await send(undefined)
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain(`resource_metadata="${METADATA}"`)
    expect(as.requests).toEqual([])
  })

  it.each([
    ['unknown, expired or revoked', 'nobody'],
    ['issued for another resource', 'elsewhere'],
    ['no token at all', 'a"b'],
  ])('a token that is %s is refused as invalid_token', async (_why, token) => {
    const response = await send(token)
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_token"/)
    expect(await response.json()).toMatchObject({ error: 'invalid_token' })
  })

  it('nothing is let through while the authorization server cannot be asked', async () => {
    as.override = { status: 503, body: '' }
    const response = await send('reader')
    expect(response.status).toBe(500)
    expect(await response.json()).toEqual({
      error: 'server_error',
      error_description: 'The authorization server cannot be asked now',
    })
    expect(errors).toHaveLength(1)
  })

  it('the tools are listed that the token opens, and those can be called', async () => {
    const client = await connected('reader', sdk, mode)
    expect(await client.tools()).toEqual(['get_note'])
    expect(await client.call('get_note')).toMatchObject({ content: [{ text: 'done' }] })
    expect(ran).toEqual([
      {
        tool: 'get_note',
        auth: expect.objectContaining({
          extra: expect.objectContaining({ sub: 'ada', tools: ['get_note'] }),
        }),
      },
    ])
    const asked = as.requests.filter(({ form }) => form.get('mcp_method') === 'tools/call')
    expect(asked.map(({ form }) => form.get('mcp_name'))).toEqual(['get_note'])
    await client.close()
  })

  it('a tool that another scope opens does not run, and the client learns which scope', async () => {
    const client = await connected('reader', sdk, mode)
    const called = client.call('delete_note')
    if (sdk === 'v1') {
      await expect(called).rejects.toMatchObject({
        code: -32010,
        data: {
          status: 403,
          error: 'insufficient_scope',
          scope: 'notes:delete',
          resource_metadata: METADATA,
        },
      })
    } else {
      await expect(called).rejects.toThrow()
      const { status, challenge } = client.answered.at(-1) ?? {}
      expect(status).toBe(403)
      expect(challenge).toContain('error="insufficient_scope"')
      expect(challenge).toContain('scope="notes:delete"')
      expect(challenge).toContain(`resource_metadata="${METADATA}"`)
    }
    expect(ran).toEqual([])
    const asked = as.requests.filter(({ form }) => form.get('mcp_name') === 'delete_note')
    expect(asked).toHaveLength(1)
    await client.close()
  })

  it('a tool that no scope opens does not run, whatever the token', async () => {
    const client = await connected('deleter', sdk, mode)
    await expect(client.call('format_disk')).rejects.toMatchObject({
      code: -32010,
      message: expect.stringContaining('No scope opens this call'),
      data: { status: 403, error: 'insufficient_scope' },
    })
    expect(ran).toEqual([])
    await client.close()
  })
})

describe.each(WITH_SESSIONS)('behind the bearer middleware of %s', (_, start) => {
  beforeEach(async () => {
    server = await start(guard, ran)
  })

  it('a session serves whoever opened it, and nobody else', async () => {
    const opened = await send('reader')
    const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' }
    await opened.text()
    const call = { jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'get_note', arguments: {} } }
    for (const method of ['POST', 'GET', 'DELETE']) {
      const refused = await send('stranger', { method, headers: session, body: call })
      expect([method, refused.status]).toEqual([method, 404])
      expect(await refused.json()).toMatchObject({ error: { code: -32001 } })
    }
    expect(ran).toEqual([])
    const answered = await send('deleter', { headers: session, body: call })
    expect(await answered.text()).toContain('done')
    expect(ran).toHaveLength(1)
  })
})

describe('tokenVerifier', () => {
  beforeEach(async () => {
    server = await startV2Handler(guard, ran)
  })

  it('refuses what cannot stand in a header without asking anybody', async () => {
    const { verifyAccessToken } = tokenVerifier(guard, { OAuthError })
    await expect(verifyAccessToken('line\nbreak')).rejects.toMatchObject({ code: 'invalid_token' })
    expect(as.requests).toEqual([])
  })

  it('is not for mode none, where there are no tokens', () => {
    const scopes = [{ name: 's', description: '', tools: [], includes: [] }]
    const catalogue = { resources: [{ resource: RESOURCE, name: '', default_scopes: [], scopes }] }
    const log = { append: async () => {}, close: async () => {} }
    const local = localPolicy({ catalogue, log })
    const none = createGuard({ mode: 'none', resource: RESOURCE, default_scopes: [], local })
    expect(() => tokenVerifier(none, { OAuthError })).toThrow(TypeError)
  })
})
