import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { readRowLine } from '../../src/audit-chain/row-line.ts'
import { parseCatalogue } from '../../src/catalogue/catalogue-file.ts'
import { CatalogueCache } from '../../src/catalogue/catalogue-store.ts'
import { createPersonalToken } from '../../src/personal-tokens/personal-access-tokens.ts'
import { NEEDS_PERSON } from '../support/client-memory.ts'
import { freePort } from '../support/free-port.ts'
import { by } from '../support/origins.ts'
import { ROOT, readDocument } from '../support/readme.ts'
import { Toolgate } from '../support/toolgate.ts'
import { v2Client } from '../support/v2-client.ts'
import { letDecide } from '../support/with-notes.ts'

/** The example in all its modes, each reached from the one before by its diff, in the order of the tests. */
const PLACE = 'examples/three-modes'
const READER_TOOLS = ['list_tasks']
const EDITOR_TOOLS = ['add_task', 'delete_task', 'finish_task', 'list_tasks']
const run = promisify(execFile)

let toolgate: Toolgate
let checkout: string
let here: string
let resource: string
let environment: Record<string, string>
let ada: Awaited<ReturnType<Toolgate['account']>>
let server: ChildProcess | undefined

beforeAll(async () => {
  const port = await freePort()
  resource = `http://localhost:${port}/mcp`
  const catalogue = readDocument(`${PLACE}/catalogue.yaml`).replaceAll('http://localhost:4002/mcp', resource)
  toolgate = await Toolgate.start({ catalogue })
  ada = await toolgate.account(['editor'])
  const { client_id, client_secret } = await toolgate.resourceServer(resource)
  checkout = mkdtempSync(join(tmpdir(), 'toolgate-modes-'))
  here = join(checkout, PLACE)
  for (const name of readdirSync(ROOT))
    if (!['.git', 'examples', '.toolgate'].includes(name)) symlinkSync(join(ROOT, name), join(checkout, name))
  mkdirSync(join(checkout, 'examples'))
  cpSync(join(ROOT, PLACE), here, { recursive: true })
  environment = {
    PATH: process.env.PATH ?? '',
    PORT: String(port),
    ISSUER: toolgate.issuer,
    TASKS_ID: client_id,
    TASKS_SECRET: client_secret,
  }
  writeFileSync(join(here, 'catalogue.json'), await command('catalogue', 'show', '--json'))
})
afterEach(stop)
afterAll(async () => {
  await toolgate?.close()
  rmSync(checkout, { recursive: true, force: true })
})

/** `toolgate …`, where the server of the example was started, in the installation of the test. */
async function command(...words: string[]): Promise<string> {
  const env = {
    PATH: process.env.PATH,
    TOOLGATE_DATABASE_URL: toolgate.db.url,
    TOOLGATE_DATA_DIR: join(checkout, 'data'),
    TOOLGATE_ISSUER: toolgate.issuer,
  }
  const { stdout } = await run(process.execPath, [join(ROOT, 'src/cli/main.ts'), ...words], {
    cwd: here,
    env,
  })
  return stdout
}

function spawnServer(more: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, ['server.ts'], {
    cwd: here,
    env: { ...environment, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function start(): Promise<string> {
  server = spawnServer()
  server.stderr?.pipe(process.stderr)
  for await (const line of createInterface({ input: server.stdout! })) return line
  throw new Error('the example ended before it listened')
}

async function stop(): Promise<void> {
  const child = server
  server = undefined
  if (!child || child.exitCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  expect(await ended).toEqual([0, null])
}

const apply = (diff: string) => run('git', ['apply', `${PLACE}/${diff}`], { cwd: checkout })

async function connect(token?: string): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' })
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
  await client.connect(new StreamableHTTPClientTransport(new URL(resource), { requestInit: { headers } }))
  return client
}

async function toolsOf(client: Client): Promise<string[]> {
  return (await client.listTools()).tools.map(({ name }) => name).sort()
}

async function personalToken(role: 'read-only' | 'write'): Promise<string> {
  const context = { ...toolgate.dependencies, catalogues: new CatalogueCache() }
  const request = { account: ada.id, resource, role, scopes: [], name: role, days: 30 }
  return (await createPersonalToken(context, request, by(ada.id))).token
}

const localRows = () =>
  readFileSync(join(here, 'calls.jsonl'), 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => readRowLine(line)!)
const localCalls = () => localRows().filter(({ type }) => type === 'tool.decided')

describe('the diffs', () => {
  it.each([
    ['none-to-token.diff', "-  mode: 'none',", "+  mode: 'token',"],
    ['token-to-oauth.diff', "-  mode: 'token',", "+  mode: 'oauth',"],
  ])('%s changes one line, the mode', (name, gone, come) => {
    const lines = readDocument(`${PLACE}/${name}`).split('\n')
    const changed = lines.filter((line) => /^[-+]/.test(line) && !/^(---|\+\+\+) /.test(line))
    expect(changed).toEqual([gone, come])
  })

  it('begin with a catalogue that is the one of the file', () => {
    const read = parseCatalogue(readDocument(`${PLACE}/catalogue.yaml`))
    const shown = JSON.parse(readDocument(`${PLACE}/catalogue.json`))
    expect('catalogue' in read && read.catalogue.resources).toEqual(shown.resources)
  })
})

describe('mode none', () => {
  it('does not listen where others could come, and says why', async () => {
    const child = spawnServer({ HOST: '0.0.0.0' })
    let said = ''
    child.stderr?.on('data', (text) => {
      said += text
    })
    const [code] = await once(child, 'close')
    expect(code).not.toBe(0)
    expect(said).toContain(
      'Mode none authenticates nobody, so it listens on this machine only, and not on 0.0.0.0',
    )
  })

  it('serves whoever sits here with all that the catalogue has, and records the calls', async () => {
    expect(await start()).toBe(`tasks: mode none on ${resource}`)
    const client = await connect()
    expect(await toolsOf(client)).toEqual(EDITOR_TOOLS)
    await client.callTool({ name: 'add_task', arguments: { title: 'Buy tea' } })
    const { content } = await client.callTool({ name: 'list_tasks' })
    expect(content).toMatchObject([{ text: expect.stringContaining('Buy tea') }])
    await client.close()
    const calls = localCalls().filter(({ tool }) => tool !== null)
    expect(calls.map(({ tool, decision, actor_kind }) => [tool, decision, actor_kind])).toEqual([
      ['add_task', 'allowed', 'local_user'],
      ['list_tasks', 'allowed', 'local_user'],
    ])
    await stop()
    expect(readFileSync(join(here, 'calls.jsonl'), 'utf8')).not.toContain('Buy tea')
    expect(await command('audit', 'verify', 'calls.jsonl')).toContain('calls.jsonl is whole')
  })
})

describe('mode token', () => {
  beforeAll(() => apply('none-to-token.diff'))

  it('serves nobody without a token, and leads nobody to sign in', async () => {
    expect(await start()).toBe(`tasks: mode token on ${resource}`)
    const answer = await fetch(resource, { method: 'POST', body: '{}' })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).not.toContain('resource_metadata')
  })

  it('lets a read-only token read and not write', async () => {
    await start()
    const client = await connect(await personalToken('read-only'))
    expect(await toolsOf(client)).toEqual(READER_TOOLS)
    await client.callTool({ name: 'list_tasks' })
    await expect(client.callTool({ name: 'add_task', arguments: { title: 'x' } })).rejects.toThrow()
    await client.close()
  })

  it('records here no more: the log of mode none stays as it is', () => {
    expect(localCalls().filter(({ tool }) => tool !== null)).toHaveLength(2)
    expect(readdirSync(here).filter((name) => name.startsWith('calls.jsonl'))).toEqual(['calls.jsonl'])
  })
})

describe('mode oauth', () => {
  beforeAll(() => apply('token-to-oauth.diff'))

  it('leads a client to sign-in and consent, and serves it after that', async () => {
    expect(await start()).toBe(`tasks: mode oauth on ${resource}`)
    const client = v2Client(resource, 'auto')
    expect(await client.connect()).toBe(NEEDS_PERSON)
    const visit = await letDecide(client, ada.person())
    expect(visit.consent).toContain('list_tasks')
    await client.connect()
    expect(await client.tools()).toEqual(READER_TOOLS)
    expect(await client.call('list_tasks')).toBe('[]')
    await client.close()
  })

  it('still serves personal access tokens', async () => {
    await start()
    const client = await connect(await personalToken('read-only'))
    expect(await toolsOf(client)).toEqual(READER_TOOLS)
    await client.close()
  })
})

describe('afterwards', () => {
  it('the calls of all three modes are in one log, which is whole', async () => {
    const imported = JSON.parse(await command('audit', 'import', 'calls.jsonl', '--json'))
    expect(imported.rows).toBe(localRows().length)
    const completed = localRows().filter(({ type }) => type === 'tool.completed')
    expect(completed.map(({ tool, detail }) => [tool, detail?.outcome])).toEqual([
      ['add_task', 'ok'],
      ['list_tasks', 'ok'],
    ])
    expect(JSON.parse(await command('audit', 'import', 'calls.jsonl', '--json'))).toMatchObject({ rows: 0 })
    const events = await toolgate.db.database
      .knex('audit_events')
      .where({ type: 'tool.decided' })
      .whereNotNull('tool')
      .orderBy('occurred_at')
    expect(
      events.map(({ tool, decision, actor_kind, account_id }) => [tool, decision, account_id ?? actor_kind]),
    ).toEqual([
      ['add_task', 'allowed', 'local_user'],
      ['list_tasks', 'allowed', 'local_user'],
      ['list_tasks', 'allowed', ada.id],
      ['add_task', 'denied', ada.id],
      ['list_tasks', 'allowed', ada.id],
    ])
    const { fault_count } = JSON.parse(await command('audit', 'verify', '--json'))
    expect(fault_count).toBe(0)
    expect(existsSync(join(here, 'calls.jsonl'))).toBe(true)
  })
})
