import { type ChildProcess, spawn } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addResourceServer } from '../src/clients/resource-servers/resource-servers.ts'
import { freePort } from './support/free-port.ts'
import { TEST } from './support/origins.ts'
import { codeBlocks, ROOT, readDocument } from './support/readme.ts'
import { send } from './support/send.ts'
import { RESOURCE, Toolgate } from './support/toolgate.ts'

/** The server of README “Protect your MCP server”, run as it stands there, against a real Toolgate. */
const README = readDocument('README.md')
const ISSUER = 'http://localhost:4000'

let toolgate: Toolgate
let server: ChildProcess
let complaints = ''
let resource: string
let tokens: { reader: string; gone: string }

function startExample(code: string, NOTES_SECRET: string): ChildProcess {
  const child = spawn(process.execPath, ['--input-type=module', '-'], {
    cwd: ROOT,
    env: { ...process.env, NOTES_SECRET },
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  child.stderr?.on('data', (chunk) => {
    complaints += chunk
  })
  child.stdin?.end(code)
  return child
}

async function untilItListens(): Promise<void> {
  const deadline_ms = Date.now() + 20_000
  while (Date.now() < deadline_ms && server.exitCode === null) {
    const answer = await send(resource).catch(() => undefined)
    if (answer) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`the example did not start: ${complaints}`)
}

async function issueTokens() {
  const { person } = await toolgate.account()
  const { client_id } = await toolgate.register()
  const { access_token: reader } = await toolgate.tokens(person(), client_id, {
    resource,
    scope: 'notes:read',
  })
  return { reader, gone: 'A'.repeat(43) }
}

beforeAll(async () => {
  const port = await freePort()
  resource = `http://localhost:${port}/mcp`
  toolgate = await Toolgate.start({
    catalogue: readDocument('catalogue.yaml').replaceAll(RESOURCE, resource),
  })
  const request = { resource, id: 'notes' }
  const { client_secret } = await addResourceServer(toolgate.dependencies, request, TEST)
  tokens = await issueTokens()
  const code = codeBlocks(README, 'js')[0] ?? ''
  server = startExample(
    code
      .replaceAll(RESOURCE, resource)
      .replaceAll(ISSUER, toolgate.issuer)
      .replace('listen(4001)', `listen(${port})`),
    client_secret,
  )
  await untilItListens()
})
afterAll(async () => {
  server?.kill()
  await toolgate?.close()
})

function call(token: string | undefined, method: string, params: object): Promise<Response> {
  return send(resource, {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
}

/** The answer in the words of the README's http blocks. */
async function onTheWire(answer: Response): Promise<string> {
  const reason = { 401: 'Unauthorized', 403: 'Forbidden' }[answer.status] ?? ''
  const lines = [
    `HTTP/1.1 ${answer.status} ${reason}`,
    `WWW-Authenticate: ${answer.headers.get('www-authenticate')}`,
    '',
    await answer.text(),
    '',
  ]
  return lines.join('\n').replaceAll(new URL(resource).origin, 'http://localhost:4001')
}

const CALL = { name: 'search_notes', arguments: { query: 'tea' } }

describe('the MCP server of the README', () => {
  it('is short', () => {
    expect(codeBlocks(README, 'js')[0]?.split('\n').length).toBeLessThanOrEqual(27)
  })

  it('runs an allowed tool and tells the tool who calls', async () => {
    const answer = await call(tokens.reader, 'tools/call', CALL)
    expect(answer.status).toBe(200)
    expect(await answer.text()).toMatch(/No note has “tea”, user-/)
  })

  it('lists what the token opens', async () => {
    const answer = await call(tokens.reader, 'tools/list', {})
    expect(await answer.text()).toContain('search_notes')
  })

  it('answers on the wire what the README shows', async () => {
    const shown = codeBlocks(README, 'http')
    const create = { name: 'create_note', arguments: {} }
    expect(await onTheWire(await call(undefined, 'tools/call', CALL))).toBe(shown[0])
    expect(await onTheWire(await call(tokens.gone, 'tools/call', CALL))).toBe(shown[1])
    expect(await onTheWire(await call(tokens.reader, 'tools/call', create))).toBe(shown[2])
  })

  it('the introspection answer has the members that the README shows', async () => {
    const shown = JSON.parse(codeBlocks(README, 'json')[0] ?? '{}')
    const credentials = await toolgate.resourceServer(resource)
    const asked = { mcp_method: 'tools/call', mcp_name: 'create_note' }
    const answer = await toolgate.introspect(credentials, tokens.reader, asked)
    expect(Object.keys(answer)).toEqual(Object.keys(shown))
    expect(answer.mcp).toEqual(shown.mcp)
  })

  it('shows the catalogue that comes with Toolgate', () => {
    const shipped = readDocument('catalogue.yaml').replace(/^#.*\n/, '')
    expect(codeBlocks(README, 'yaml')[0]).toBe(shipped)
  })
})
