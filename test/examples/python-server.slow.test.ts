import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { diagnose } from '../../src/doctor/doctor.ts'
import { DIFFERING_PARAMS, UNREADABLE_NAMES, UNREADABLE_REFERENCES } from '../guard/differing-readings.ts'
import { NEEDS_PERSON } from '../support/client-memory.ts'
import { freePort } from '../support/free-port.ts'
import { type PythonServer, pythonEnvironment, startPythonServer } from '../support/python-server.ts'
import { Toolgate } from '../support/toolgate.ts'
import { v1Client } from '../support/v1-client.ts'
import { v2Client } from '../support/v2-client.ts'
import { CALENDAR, catalogueFor, connectThrough } from '../support/with-notes.ts'

/** The Python example, behind a real Toolgate, with real MCP clients in front. */
const found = await pythonEnvironment()
const [why_not, environment] =
  'why_not' in found ? [found.why_not, { python: '', remove: async () => {} }] : [undefined, found]

const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
})

/** The same differing members, about another name than `name`. */
function renamed(params: object, member: string): object {
  const entries = Object.entries(params).map(([key, value]) => [
    key === 'name'
      ? member
      : key.replace(/name/i, (name) => (name === 'name' ? member : member.toUpperCase())),
    value,
  ])
  return Object.fromEntries(entries)
}

describe.skipIf(why_not)(`the Python example${why_not ? `, not run: ${why_not}` : ''}`, () => {
  let toolgate: Toolgate
  let server: PythonServer
  let resource: string
  let env: Record<string, string>

  beforeAll(async () => {
    const port = await freePort()
    resource = `http://localhost:${port}/mcp`
    toolgate = await Toolgate.start({ catalogue: catalogueFor(resource) })
    const { client_id, client_secret } = await toolgate.resourceServer(resource)
    env = { NOTES_PORT: String(port), NOTES_CLIENT_ID: client_id, NOTES_CLIENT_SECRET: client_secret }
    server = await startPythonServer(environment.python, { ...env, NOTES_ISSUER: toolgate.issuer })
  }, 300_000)
  afterAll(async () => {
    await server?.stop()
    await toolgate?.close()
    await environment.remove()
  })

  const post = (token: string, body = INITIALIZE) =>
    fetch(resource, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body,
    })

  const CLIENTS = [
    ['@modelcontextprotocol/client', (url: string) => v2Client(url, 'auto')],
    ['@modelcontextprotocol/client on an older revision', (url: string) => v2Client(url, 'legacy')],
    ['@modelcontextprotocol/sdk', v1Client],
  ] as const

  it.each(CLIENTS)(
    '%s finds it, signs in, lists and calls; once revoked, the next call is refused',
    async (_, make) => {
      const account = await toolgate.account(['reader'])
      const client = make(resource)
      await connectThrough(client, account.person())
      expect(await client.tools()).toEqual(['search_notes'])
      expect(await client.call('search_notes', { query: 'a' })).toBe('')
      await expect(client.call('create_note', { title: 'a', text: 'b' })).rejects.toThrow(
        /insufficient_scope: notes:write/,
      )
      const token = client.memory.refresh_token
      expect((await toolgate.post('/revoke', { token, client_id: client.memory.client_id })).status).toBe(200)
      // The SDK is told 401, finds its refresh token spent too, and stops for the person.
      expect(await client.call('search_notes', { query: 'a' })).toBe(NEEDS_PERSON)
      await client.close()
    },
  )

  it('each call stands in the audit log with its tool and its decision', async () => {
    const { knex } = toolgate.db.database
    const events = await knex('audit_events').whereNotNull('tool').select('tool', 'decision').distinct()
    expect(events).toEqual(
      expect.arrayContaining([
        { tool: 'search_notes', decision: 'allowed' },
        { tool: 'create_note', decision: 'denied' },
      ]),
    )
  })

  it('refuses a token that was issued for another server, one that nobody issued, and none', async () => {
    const account = await toolgate.account(['editor', 'planner'])
    const { client_id } = await toolgate.register()
    const asked = { resource: CALENDAR, scope: 'calendar:read' }
    const { access_token } = await toolgate.tokens(account.person(), client_id, asked)
    expect((await post(access_token)).status).toBe(401)
    expect((await post('nobody-issued-this')).status).toBe(401)
    const challenge = (await fetch(resource, { method: 'POST' })).headers.get('www-authenticate')
    expect(challenge).toContain('resource_metadata="')
  })

  /** What the example asks about a message, by its own code; undefined where it refuses. */
  async function asked(messages: (readonly [method: string, params: unknown])[]) {
    const program = `
import json, sys
from message_names import Undecidable, question
def ask(method, params):
    try: return question(method, params)
    except Undecidable: return None
print(json.dumps([ask(*message) for message in json.load(sys.stdin)]))`
    const python = spawn(environment.python, ['-c', program], {
      cwd: 'examples/python-server',
      env: { PYTHONDONTWRITEBYTECODE: '1' },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    python.stdin.end(JSON.stringify(messages))
    return JSON.parse(await text(python.stdout)) as (Record<string, string> | null)[]
  }

  const NAMED = [
    ['tools/call', 'name'],
    ['prompts/get', 'name'],
    ['resources/read', 'uri'],
    ['resources/subscribe', 'uri'],
  ] as const

  it('asks about the name that the SDK then uses, whatever else the message says', async () => {
    const read = { uri: 'notes://secret/9', name: 'notes://public/1' }
    const messages = [
      ...NAMED.map(
        ([method, member]) => [method, { [member]: 'x', arguments: { name: 'y', uri: 'z' } }] as const,
      ),
      ['resources/read', read] as const,
      ['tools/call', { uri: 'get_note', name: 'delete_note' }] as const,
    ]
    expect((await asked(messages)).map((question) => question?.mcp_name)).toEqual([
      ...NAMED.map(() => 'x'),
      'notes://secret/9',
      'delete_note',
    ])
  })

  it('refuses every reading that differs, and every method that it has no rule for', async () => {
    const differing = NAMED.flatMap(([method, member]) => [
      ...UNREADABLE_NAMES.map(([, name]) => [method, { [member]: name }] as const),
      ...DIFFERING_PARAMS.map(([, params]) => [method, renamed(params, member)] as const),
    ])
    const unknown = [
      'tasks/get',
      'completion/complete',
      'constructor',
      '__proto__',
      'tools/call ',
      'Tools/call',
      '',
    ]
    const messages = [
      ...differing,
      ...UNREADABLE_REFERENCES,
      ...unknown.map((method) => [method, { name: 'x' }] as const),
    ]
    const allowed = (await asked(messages)).flatMap((question, at) => (question ? [messages[at]] : []))
    expect(allowed).toEqual([])
  })

  it('runs no tool for a message whose readings differ, whatever the SDK makes of it', async () => {
    const account = await toolgate.account(['reader'])
    const { client_id } = await toolgate.register()
    const { access_token } = await toolgate.tokens(account.person(), client_id, {
      resource,
      scope: 'notes:read',
    })
    const messages = DIFFERING_PARAMS.map(([, params]) => {
      const called = JSON.stringify(params).replaceAll('get_note', 'search_notes')
      return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${called}}`
    })
    messages.push(
      '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_notes","name":"delete_note"}}',
    )
    for (const message of messages) {
      const answer = await (await post(access_token, message)).text()
      expect(answer).toMatch(/"error":/)
      expect(answer).not.toMatch(/"result":/)
    }
  })

  it('answers 503 while the authorization server cannot be asked', async () => {
    const port = await freePort()
    const cut_off = await startPythonServer(environment.python, {
      ...env,
      NOTES_PORT: String(port),
      NOTES_RESOURCE: resource,
      NOTES_ISSUER: `http://localhost:${await freePort()}`,
    })
    const answer = await fetch(`http://localhost:${port}/mcp`, {
      method: 'POST',
      headers: { authorization: 'Bearer any' },
    })
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('5')
    await cut_off.stop()
  })

  it('the doctor finds it well but for what the SDK leaves out', async () => {
    const { verdicts, findings } = await diagnose(resource)
    expect(verdicts.filter(({ failed }) => failed).map(({ profile }) => profile.name)).toEqual([])
    expect(findings.map(({ id }) => id)).not.toContain('challenge_missing')
    expect(findings.map(({ id }) => id)).not.toContain('challenge_stripped')
  })
})

it('the example names exact versions and its README the commands', () => {
  const lines = readFileSync('examples/python-server/requirements.txt', 'utf8')
    .split('\n')
    .filter((line) => /^[^#]/.test(line))
  for (const line of lines) expect(line).toMatch(/^[\w.-]+==[\w.]+$/)
  expect(readFileSync('examples/python-server/README.md', 'utf8')).toContain(
    'pip install -r requirements.txt',
  )
})
