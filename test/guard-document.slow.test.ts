import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { freePort } from './support/free-port.ts'
import {
  type IntrospectionStandIn,
  RESOURCE_SERVER,
  startIntrospectionStandIn,
} from './support/introspection-stand-in.ts'
import { projectWithFrameworks, temporaryDirectory } from './support/packed.ts'
import { codeBlocks, readDocument } from './support/readme.ts'
import { TOKEN_CLIENTS } from './support/token-clients.ts'

/** The servers of docs/guard.md and of the README of the guard, run as they stand there in a project that installed it. */
const DOCUMENT = readDocument('docs/guard.md')
const RESOURCE = 'https://notes.example/mcp'
const [GUARD = '', ...SERVERS] = codeBlocks(DOCUMENT, 'js')
const [README_SERVER = ''] = codeBlocks(readDocument('packages/guard/README.md'), 'js')

/** What the document leaves to its reader. */
const YOUR_SERVER = `import { McpServer } from '@modelcontextprotocol/server'
function createYourServer({ extra }) {
  const server = new McpServer({ name: 'yours', version: '1' })
  const tool = server.registerTool('get_note', {}, () => ({ content: [{ type: 'text', text: extra.sub }] }))
  if (!extra.tools.includes('get_note')) tool.disable()
  return server
}
`
/** What the runtime does with a fetch handler. */
const RUNTIME = `import { serve } from '@hono/node-server'
serve({ fetch: handler, hostname: '127.0.0.1', port: 4001 })
`
const LISTENING = `
import { connect } from 'node:net'
const probe = () => connect(4001, '127.0.0.1').on('connect', () => console.log('listening')).on('error', probe)
probe()
`

let as: IntrospectionStandIn
let directory: string
let project: string
let child: ChildProcess | undefined

beforeAll(async () => {
  directory = temporaryDirectory()
  project = await projectWithFrameworks(directory)
  as = await startIntrospectionStandIn(RESOURCE)
  as.tokens.set('reader', { tools: ['get_note'] }).set('nobody', { tools: [] })
}, 300_000)
afterEach(() => child?.kill())
afterAll(async () => {
  await as?.close()
  rmSync(directory, { recursive: true, force: true })
})

/** A server of docs/guard.md with the module that they all import, in one. */
function whole(server: string): string {
  const code = [
    YOUR_SERVER,
    GUARD.replace(/^import .*your-server.*$/m, ''),
    server.replace(/^import .*guard\.js.*$/m, ''),
  ]
  if (server.includes('const handler')) code.push(RUNTIME)
  return code.join('\n')
}

async function run(code: string): Promise<string> {
  const port = await freePort()
  child = spawn(process.execPath, ['--input-type=module', '-'], {
    cwd: project,
    env: { ...process.env, NOTES_SECRET: RESOURCE_SERVER.client_secret },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin?.end(
    `${code}${LISTENING}`.replaceAll('https://auth.example', as.issuer).replaceAll('4001', String(port)),
  )
  await Promise.race([once(child.stdout!, 'data'), once(child, 'exit')])
  expect(child.exitCode).toBe(null)
  return `http://127.0.0.1:${port}/mcp`
}

const ADAPTERS = SERVERS.map((server) => [
  `of docs/guard.md with ${/toolgate-guard\/(\w+)/.exec(server)?.[1]}`,
  whole(server),
])

it.each([['of the README', README_SERVER], ...ADAPTERS] as [string, string][])(
  'the server %s serves what a token opens, and nothing else',
  async (_, code) => {
    const url = await run(code)
    expect((await fetch(url, { method: 'POST', body: '{}' })).headers.get('www-authenticate')).toContain(
      'notes.example',
    )
    for (const [, connect] of TOKEN_CLIENTS) {
      const client = await connect(url, 'reader')
      expect(await client.list()).toEqual(['get_note'])
      expect((await client.call('get_note')).text).toContain('ada')
      await client.close()
    }
    const nobody = await TOKEN_CLIENTS[0]![1](url, 'nobody')
    await expect(nobody.call('get_note')).rejects.toThrow()
    await nobody.close()
  },
)

it('has an example for each adapter that is exported', () => {
  const { exports } = JSON.parse(readDocument('packages/guard/package.json')) as { exports: object }
  const adapters = Object.keys(exports).filter((path) => /^\.\/(express|fetch|hono|koa|node)$/.test(path))
  for (const path of adapters) expect(SERVERS.join('\n')).toContain(`'toolgate-guard${path.slice(1)}'`)
  expect(SERVERS).toHaveLength(adapters.length)
})
