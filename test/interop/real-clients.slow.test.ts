import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { forgetClient } from '../../src/clients/clients.ts'
import { freePort } from '../support/free-port.ts'
import { TEST } from '../support/origins.ts'
import { audited, startWithNotes, type WithNotes } from '../support/with-notes.ts'
import { commandOf, environment, Program } from './program.ts'

/** Clients that npm carries, run as people run them, against the example MCP server behind its guard. */
const AUTHORIZATION_URL = /(http\S+\/authorize\?\S+)/
const READ_TOOLS = ['get_note', 'search_notes']

let stage: WithNotes
let person: ReturnType<Awaited<ReturnType<WithNotes['toolgate']['account']>>['person']>
/** What the client keeps on disk, gone after each test. */
let home: string
beforeEach(async () => {
  stage = await startWithNotes()
  person = (await stage.toolgate.account()).person()
  home = await mkdtemp(join(tmpdir(), 'toolgate-clients-'))
})
afterEach(async () => {
  await stage.close()
  await rm(home, { recursive: true, force: true })
})

/** The person decides; the browser then brings the answer to where the client listens. */
async function decide(authorization_url: string): Promise<{ consent: string }> {
  const url = new URL(authorization_url)
  const visit = await person.authorize(url, url.searchParams.get('redirect_uri') ?? '')
  const answer = await fetch(visit.callback)
  expect(answer.status).toBe(200)
  return visit
}

async function registered(): Promise<string[]> {
  return (await audited(stage.toolgate, { type: 'client.registered' })).map(
    ({ client_id }) => client_id ?? '',
  )
}

/** Everything the access tokens of this installation live on, moved into the past. */
async function expireAccessTokens(): Promise<void> {
  const { knex } = stage.toolgate.db.database
  expect(await knex('access_tokens').update({ expires_at: knex.raw("now() - interval '1 second'") })).toBe(1)
}

describe('mcp-remote', () => {
  const PROXY = commandOf('mcp-remote', 'mcp-remote')

  /** The proxy with an MCP client at its stdio, and what it says on its standard error. */
  function start() {
    const env = environment({ HOME: home, MCP_REMOTE_CONFIG_DIR: home })
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [PROXY, stage.resource],
      env,
      stderr: 'pipe',
    })
    const client = new Client({ name: 'test', version: '1' })
    let said = ''
    let seen = 0
    const { stderr } = transport
    stderr?.on('data', (text) => {
      said += text
    })
    return {
      client,
      connected: client.connect(transport),
      said: () => said,
      /** The next authorization URL that it has not shown before. */
      async asked(): Promise<string> {
        for (;;) {
          const urls = [...said.matchAll(new RegExp(AUTHORIZATION_URL, 'g'))].map(([url]) => url)
          const next = urls[seen]
          if (next !== undefined) {
            seen += 1
            return next
          }
          if (stderr) await once(stderr, 'data')
        }
      },
    }
  }

  async function toolsOf(client: Client): Promise<string[]> {
    return (await client.listTools()).tools.map(({ name }) => name).sort()
  }

  it('connects from a bare URL, calls a tool, and refreshes by itself', async () => {
    const proxy = start()
    await decide(await proxy.asked())
    await proxy.connected
    expect(await toolsOf(proxy.client)).toEqual(READ_TOOLS)
    await expireAccessTokens()
    const { content } = await proxy.client.callTool({ name: 'search_notes', arguments: { query: 'Welcome' } })
    expect(JSON.stringify(content)).toContain('Welcome')
    expect(await audited(stage.toolgate, { type: 'token.refreshed' })).toHaveLength(1)
    await proxy.client.close()
  })

  it('asks the person for the scope that a denied tool needs', async () => {
    const proxy = start()
    await decide(await proxy.asked())
    await proxy.connected
    const call = proxy.client.callTool({ name: 'create_note', arguments: { title: 'A', text: 'B' } })
    const { consent } = await decide(await proxy.asked())
    expect(consent).toContain('notes:write')
    expect(JSON.stringify((await call).content)).toContain('"title')
    await proxy.client.close()
  })

  it('comes back without anybody, and registers anew after an operator removed it', async () => {
    const first = start()
    await decide(await first.asked())
    await first.connected
    await first.client.close()

    const again = start()
    await again.connected
    expect(await toolsOf(again.client)).toEqual(READ_TOOLS)
    expect(again.said()).not.toMatch(AUTHORIZATION_URL)
    await again.client.close()

    const [client_id = ''] = await registered()
    await forgetClient(stage.toolgate.dependencies, client_id, TEST)
    const anew = start()
    const asked = await anew.asked()
    expect(new URL(asked).searchParams.get('client_id')).not.toBe(client_id)
    await decide(asked)
    await anew.connected
    expect(await toolsOf(anew.client)).toEqual(READ_TOOLS)
    expect(new Set(await registered()).size).toBe(2)
    await anew.client.close()
  })
})

describe('the Inspector’s CLI', () => {
  const INSPECTOR = commandOf('@modelcontextprotocol/inspector', 'mcp-inspector')

  /** One run; its result is what it printed as JSON. With `redirect_uri` it may ask for a person. */
  async function run(more: string[], redirect_uri?: string) {
    const interactive = { MCP_AUTO_OPEN_ENABLED: 'true' }
    const env = environment({
      HOME: home,
      MCP_INSPECTOR_SECRET_STORE: 'file',
      ...(redirect_uri ? interactive : {}),
    })
    const asking = redirect_uri ? ['--callback-url', redirect_uri] : ['--stored-auth-only']
    const own = ['--cli', stage.resource, '--transport', 'http', '--format', 'json', ...asking]
    const inspector = new Program(INSPECTOR, [...own, ...more], env)
    try {
      if (redirect_uri) await decide(await inspector.printed(AUTHORIZATION_URL))
      const code = await inspector.exit()
      expect({ code, output: inspector.output }).toEqual({ code: 0, output: inspector.output })
      return JSON.parse(inspector.stdout).result
    } finally {
      await inspector.end()
    }
  }

  const names = ({ tools }: { tools: { name: string }[] }) => tools.map(({ name }) => name).sort()
  const LIST = ['--method', 'tools/list']
  const SEARCH = ['--method', 'tools/call', '--tool-name', 'search_notes', '--tool-arg', 'query=Welcome']

  it('connects from a bare URL; later runs need nobody, on both eras of the protocol', async () => {
    const all = await run(LIST, `http://127.0.0.1:${await freePort()}/oauth/callback`)
    expect(names(all)).toEqual(['create_note', 'delete_note', ...READ_TOOLS, 'update_note'])
    expect(names(await run([...LIST, '--protocol-era', 'modern']))).toEqual(names(all))
    expect(JSON.stringify(await run(SEARCH))).toContain('Welcome')
    expect(await audited(stage.toolgate, { type: 'login.succeeded' })).toHaveLength(1)
  })

  it('listens on another port the next time, as the same client', async () => {
    await run(LIST, `http://127.0.0.1:${await freePort()}/oauth/callback`)
    await stage.toolgate.db.database.knex('grants').delete()
    const again = await run(LIST, `http://127.0.0.1:${await freePort()}/oauth/callback`)
    expect(names(again)).toContain('search_notes')
    expect(await registered()).toHaveLength(1)
  })

  it('uses a bearer token that somebody else got', async () => {
    const { client_id } = await stage.toolgate.register()
    const { resource } = stage
    const { access_token } = await stage.toolgate.tokens(person, client_id, { resource, scope: 'notes:read' })
    const listed = await run([...LIST, '--header', `Authorization: Bearer ${access_token}`])
    expect(names(listed)).toEqual(READ_TOOLS)
  })
})
