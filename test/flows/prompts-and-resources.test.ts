import { createServer, type Server } from 'node:http'
import {
  Client as V2Client,
  StreamableHTTPClientTransport as V2Transport,
} from '@modelcontextprotocol/client'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { Client as V1Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as V1Transport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { protectNodeHandler } from '../../src/guard/adapters/node.ts'
import { type AuthInfo, createGuard, opensResource } from '../../src/guard/index.ts'
import { freePort } from '../support/free-port.ts'
import { Toolgate } from '../support/toolgate.ts'
import { audited } from '../support/with-notes.ts'

let toolgate: Toolgate
let http: Server
let resource: string
let access_token: string

beforeAll(async () => {
  const port = await freePort()
  resource = `http://localhost:${port}/mcp`
  toolgate = await Toolgate.start({
    catalogue: `resources:
  - resource: ${resource}
    name: Library
    default_scopes: [read]
    scopes:
      read: { description: Read, tools: [], prompts: [summary], resources: ['books://open/*'] }
      admin: { description: Administer, tools: [], prompts: [audit], resources: ['books://closed/1'] }
roles:
  editor: { ${resource}: [read, admin] }
`,
  })
  const { client_id, client_secret } = await toolgate.resourceServer(resource)
  const mcp = createMcpHandler(({ authInfo }) => library((authInfo as AuthInfo).extra))
  const guard = createGuard({
    resource,
    issuer: toolgate.issuer,
    client_id,
    client_secret,
    default_scopes: ['read'],
  })
  http = createServer(protectNodeHandler(guard, toNodeHandler(mcp)))
  await new Promise<void>((resolve) => http.listen(port, '127.0.0.1', resolve))
  const client = await toolgate.register()
  const { person } = await toolgate.account()
  const asked = { resource, scope: 'read' }
  access_token = (await toolgate.tokens(person(), client.client_id, asked)).access_token
})
afterAll(async () => {
  http.closeAllConnections()
  http.close()
  await toolgate.close()
})

/** A server that shows only what is opened, as the guard says. */
function library({ prompts, resources }: AuthInfo['extra']): McpServer {
  const server = new McpServer({ name: 'library', version: '1' })
  for (const name of ['summary', 'audit']) {
    const prompt = server.registerPrompt(name, { description: name }, () => ({
      messages: [{ role: 'user', content: { type: 'text', text: `prompt ${name}` } }],
    }))
    if (!prompts.includes(name)) prompt.disable()
  }
  for (const uri of ['books://open/1', 'books://closed/1']) {
    const book = server.registerResource(uri, uri, {}, () => ({ contents: [{ uri, text: `book ${uri}` }] }))
    if (!resources.some((pattern) => opensResource(pattern, uri))) book.disable()
  }
  return server
}

type AnyClient = {
  listPrompts(): Promise<{ prompts: { name: string }[] }>
  listResources(): Promise<{ resources: { uri: string }[] }>
  getPrompt(asked: { name: string }): Promise<unknown>
  readResource(asked: { uri: string }): Promise<unknown>
  close(): Promise<void>
}

const requestInit = () => ({ headers: { authorization: `Bearer ${access_token}` } })

async function v1(): Promise<AnyClient> {
  const client = new V1Client({ name: 'test', version: '1' })
  const transport = new V1Transport(new URL(resource), { requestInit: requestInit() })
  await client.connect(transport as Parameters<V1Client['connect']>[0])
  return client as unknown as AnyClient
}

async function v2(mode: 'auto' | 'legacy'): Promise<AnyClient> {
  const client = new V2Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
  await client.connect(new V2Transport(new URL(resource), { requestInit: requestInit() }))
  return client as unknown as AnyClient
}

describe.each([
  ['@modelcontextprotocol/client, 2026-07-28', () => v2('auto')],
  ['@modelcontextprotocol/client, 2025-11-25', () => v2('legacy')],
  ['@modelcontextprotocol/sdk, 2025-11-25', v1],
])('%s', (_, connect) => {
  it('gets and lists the prompts and resources that the token opens, and no others', async () => {
    const client = await connect()
    expect((await client.listPrompts()).prompts.map(({ name }) => name)).toEqual(['summary'])
    expect((await client.listResources()).resources.map(({ uri }) => uri)).toEqual(['books://open/1'])
    expect(JSON.stringify(await client.getPrompt({ name: 'summary' }))).toContain('prompt summary')
    expect(JSON.stringify(await client.readResource({ uri: 'books://open/1' }))).toContain(
      'book books://open/1',
    )
    await expect(client.getPrompt({ name: 'audit' })).rejects.toThrow()
    await expect(client.readResource({ uri: 'books://closed/1' })).rejects.toThrow()
    await client.close()
  })
})

/** With nothing of an SDK in between. */
async function send(message: unknown, headers: Record<string, string> = {}) {
  const sent = { ...requestInit().headers, 'content-type': 'application/json', ...headers }
  const accept = 'application/json, text/event-stream'
  const response = await fetch(resource, {
    method: 'POST',
    headers: { ...sent, accept },
    body: JSON.stringify(message),
  })
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    text: await response.text(),
  }
}
const request = (method: string, params: object, id = 1) => ({ jsonrpc: '2.0', id, method, params })
const read = (uri: string, id = 1) => request('resources/read', { uri }, id)

describe('revision', () => {
  it.each(['2025-03-26', '2025-06-18', '2025-11-25'])(
    '%s reads what is opened, and is challenged for what is not',
    async (revision) => {
      const headers = { 'mcp-protocol-version': revision }
      const opened = await send(read('books://open/1'), headers)
      expect(opened).toMatchObject({ status: 200, text: expect.stringContaining('book books://open/1') })
      const refused = await send(read('books://closed/1'), headers)
      expect(refused.status).toBe(403)
      expect(refused.challenge).toMatch(
        /^Bearer error="insufficient_scope", .*scope="admin", resource_metadata="/,
      )
    },
  )

  it('2025-03-26 has batches, of which one challenge names all scopes', async () => {
    const batch = [read('books://open/1', 1), read('books://closed/1', 2)]
    const headers = { 'mcp-protocol-version': '2025-03-26' }
    expect((await send(batch, headers)).challenge).toContain('scope="read admin"')
    expect((await send([read('books://open/1')], headers)).text).toContain('book books://open/1')
    expect((await send(batch, { 'mcp-protocol-version': '2025-06-18' })).status).toBe(400)
  })
})

it('the audit log tells a prompt and a resource by the method', async () => {
  await send(request('prompts/get', { name: 'audit' }))
  await send(read('books://closed/1'))
  const events = (await audited(toolgate, { type: 'tool.decided' })).slice(-2)
  expect(events).toMatchObject([
    { tool: 'audit', decision: 'denied', detail: { method: 'prompts/get', needed: 'admin' } },
    { tool: 'books://closed/1', decision: 'denied', detail: { method: 'resources/read', needed: 'admin' } },
  ])
})

it('the consent page shows what each scope opens, whatever its kind', async () => {
  const { client_id } = await toolgate.register()
  const { person } = await toolgate.account()
  const { consent } = await toolgate.authorize(person(), client_id, { resource, scope: 'read admin' })
  for (const name of ['summary', 'books://open/*', 'audit', 'books://closed/1'])
    expect(consent).toContain(`<code class="chip">${name}</code>`)
  expect(consent).not.toContain('no tools of its own')
})
