import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type NotesServer, startNotesServer } from '../../examples/notes-server/server.ts'
import {
  type IntrospectionStandIn,
  RESOURCE_SERVER,
  startIntrospectionStandIn,
} from '../support/introspection-stand-in.ts'
import { TOKEN_CLIENTS, type TokenClient } from '../support/token-clients.ts'

// The identifier that people type need not be the address that the server listens on.
const RESOURCE = 'http://notes.test/mcp'
const READER_TOOLS = ['search_notes', 'get_note']
const ALL_TOOLS = [...READER_TOOLS, 'create_note', 'update_note', 'delete_note']

let as: IntrospectionStandIn
let notes: NotesServer

beforeAll(async () => {
  as = await startIntrospectionStandIn(RESOURCE)
  as.tokens.set('reader', { tools: READER_TOOLS })
  as.tokens.set('editor', { tools: ALL_TOOLS, sub: 'grace' })
  as.tokens.set('nobody', { tools: [] })
  as.scopes.set('create_note', 'notes:write').set('get_note', 'notes:read')
  notes = await startNotesServer({ port: 0, resource: RESOURCE, issuer: as.issuer, ...RESOURCE_SERVER })
})
afterAll(async () => {
  await notes.close()
  await as.close()
})

describe.each(TOKEN_CLIENTS)('%s', (_, connectTo) => {
  const connect = (token: string) => connectTo(notes.url, token)
  let client: TokenClient
  afterEach(() => client.close())

  it('sees only the tools that its token opens', async () => {
    client = await connect('reader')
    expect(await client.list()).toEqual(READER_TOOLS)
  })

  it('sees an empty list when its token opens none', async () => {
    client = await connect('nobody')
    expect(await client.list()).toEqual([])
  })

  it('calls a tool that its token opens', async () => {
    client = await connect('reader')
    const found = await client.call('search_notes', { query: 'welcome' })
    expect(JSON.parse(found.text)).toMatchObject([{ id: '1', title: 'Welcome' }])
  })

  it('is refused a tool that its token does not open', async () => {
    client = await connect('reader')
    await expect(client.call('create_note', { title: 'a', text: 'b' })).rejects.toThrow()
  })

  it('writes, changes, reads and deletes a note with a token for all of it', async () => {
    client = await connect('editor')
    expect(await client.list()).toEqual(ALL_TOOLS)
    const { id } = JSON.parse((await client.call('create_note', { title: 'a', text: 'b' })).text)
    await client.call('update_note', { id, text: 'c' })
    expect(JSON.parse((await client.call('get_note', { id })).text)).toMatchObject({ title: 'a', text: 'c' })
    await client.call('delete_note', { id })
    expect(await client.call('get_note', { id })).toEqual({ isError: true, text: `There is no note ${id}` })
  })

  it('does not see the notes of another user', async () => {
    client = await connect('editor')
    const { id } = JSON.parse((await client.call('create_note', { title: 'secret', text: '' })).text)
    await client.close()
    client = await connect('reader')
    expect(JSON.parse((await client.call('search_notes', { query: 'secret' })).text)).toEqual([])
    await client.close()
    client = await connect('editor')
    await client.call('delete_note', { id })
  })
})

describe('on the wire', () => {
  const post = (name: string, headers: Record<string, string> = {}, token = 'reader') =>
    fetch(notes.url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name, arguments: { id: '1' } },
      }),
    })

  it('a denied call is a 403 whose challenge names the scope to ask for', async () => {
    const response = await post('create_note')
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toMatch(
      /error="insufficient_scope".*scope="notes:write", resource_metadata="http:\/\/notes\.test\/\.well-known\/oauth-protected-resource\/mcp"$/,
    )
  })

  it('a request whose Mcp-Name is not the tool of its body is a 400', async () => {
    expect((await post('get_note', { 'mcp-name': 'search_notes' })).status).toBe(400)
  })

  it('an unknown token is a 401 and a silent authorization server a 503', async () => {
    expect((await post('get_note', {}, 'stranger')).status).toBe(401)
    as.override = { status: 500, body: '' }
    const response = await post('get_note')
    as.override = undefined
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
  })

  it('is healthy without a token', async () => {
    expect((await fetch(new URL('/healthz', notes.url))).status).toBe(200)
  })
})

describe('main.ts', () => {
  const main = fileURLToPath(new URL('../../examples/notes-server/main.ts', import.meta.url))
  const start = async (env: Record<string, string>) => {
    const child = spawn(process.execPath, [main], {
      env: { ...process.env, NOTES_PORT: '0', NOTES_CLIENT_ID: 'a', NOTES_CLIENT_SECRET: 'b', ...env },
    })
    const [line] = await once(child.stdout, 'data')
    expect(String(line)).toMatch(/^notes-server listening on http:\/\/localhost:\d+\/mcp\n$/)
    return child
  }

  it('says where it listens, and ends on SIGTERM', async () => {
    const child = await start({})
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  it('ends with its parent when asked to', async () => {
    const child = await start({ NOTES_EXIT_WITH_PARENT: '1' })
    child.stdin.end()
    expect(await once(child, 'exit')).toEqual([0, null])
  })
})
