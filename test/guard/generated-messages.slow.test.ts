import { once } from 'node:events'
import { Agent, createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { Notebook } from '../../examples/notes-server/notes.ts'
import { type NotesServer, startNotesServer } from '../../examples/notes-server/server.ts'
import { protectNodeHandler } from '../../src/guard/adapters/node.ts'
import { createGuard } from '../../src/guard/index.ts'
import type { Resource } from '../../src/permission/scopes.ts'
import { type DecisionStandIn, startDecisionStandIn } from '../support/decision-stand-in.ts'
import { freePort } from '../support/free-port.ts'
import { everyReading, type Used } from '../support/lenient-mcp.ts'
import { anyRequest, type Sent } from '../support/message-arbitrary.ts'

const REQUESTS = 2_500

const OPENED = { tools: ['search_notes', 'get_note'], prompts: ['summary'], resources: ['notes://public/*'] }

function catalogueOf(resource: string): Resource {
  const closed = { tools: ['create_note', 'update_note', 'delete_note'], prompts: ['secret_prompt'] }
  return {
    resource,
    name: 'Notes',
    default_scopes: ['read'],
    scopes: [
      { name: 'read', description: 'Read', ...OPENED, includes: [] },
      { name: 'write', description: 'Write', ...closed, resources: ['notes://secret/*'], includes: [] },
    ],
  }
}

/** Of one server: what a request made it use, with the guard in front. */
type Target = { url: string; used: Used[] }

let notes: NotesServer
let lenient: Server
const stand_ins: DecisionStandIn[] = []
const agent = new Agent({ keepAlive: true })
const targets = {} as { notes: Target; lenient: Target }
/** What the lenient server would have used without a guard. */
let used_unguarded = 0
let sent: Sent | undefined

async function standInFor(resource: string): Promise<DecisionStandIn> {
  const stand_in = await startDecisionStandIn(catalogueOf(resource), {
    reader: { sub: 'ada', scopes: ['read'] },
  })
  stand_ins.push(stand_in)
  return stand_in
}

beforeAll(async () => {
  const credentials = { client_id: 'rs', client_secret: 'secret' }
  const port = await freePort()
  const url = `http://localhost:${port}/mcp`
  const { issuer } = await standInFor(url)
  notes = await startNotesServer({ port, issuer, ...credentials })
  targets.notes = { url, used: [] }
  watchNotebooks(targets.notes.used)

  const lenient_port = await freePort()
  const lenient_url = `http://localhost:${lenient_port}/mcp`
  const guard = createGuard({
    resource: lenient_url,
    issuer: (await standInFor(lenient_url)).issuer,
    ...credentials,
    default_scopes: ['read'],
  })
  targets.lenient = { url: lenient_url, used: [] }
  const handler = protectNodeHandler(guard, ({ headers }, response) => {
    targets.lenient.used.push(...everyReading({ headers, body: sent?.body ?? Buffer.alloc(0) }))
    response.writeHead(202).end()
  })
  lenient = createServer(handler).listen(lenient_port, '127.0.0.1')
  await once(lenient, 'listening')
  expect((lenient.address() as AddressInfo).port).toBe(lenient_port)
})
afterAll(async () => {
  agent.destroy()
  lenient.closeAllConnections()
  lenient.close()
  await notes.close()
  for (const stand_in of stand_ins) await stand_in.close()
  vi.restoreAllMocks()
})

/** Which tools of the real server ran, by what they did. */
function watchNotebooks(used: Used[]): void {
  const tools = {
    search: 'search_notes',
    get: 'get_note',
    create: 'create_note',
    update: 'update_note',
    delete: 'delete_note',
  } as const
  for (const [method, name] of Object.entries(tools) as [keyof typeof tools, string][]) {
    const real = Notebook.prototype[method] as (...args: unknown[]) => unknown
    vi.spyOn(Notebook.prototype, method).mockImplementation(function (this: Notebook, ...args: unknown[]) {
      // Every notebook begins with a note of its own.
      if (method !== 'create' || args[0] !== 'Welcome') used.push({ kind: 'tool', name })
      return real.apply(this, args)
    } as never)
  }
}

/** The status, once the answer is whole; of a stream that stays open, once it has begun. */
function send(url: string, { method, headers, body }: Sent): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method,
      agent,
      headers: {
        authorization: 'Bearer reader',
        accept: 'application/json, text/event-stream',
        ...headers,
        'content-length': body.length,
      },
    })
    outgoing.once('error', reject)
    outgoing.once('response', (response) => {
      const { statusCode = 0 } = response
      const stays_open =
        String(response.headers['content-type']).includes('event-stream') &&
        body.includes('subscriptions/listen')
      response.once('end', () => resolve(statusCode))
      response.once('close', () => resolve(statusCode))
      response.on('data', () => stays_open && response.destroy())
    })
    outgoing.end(body)
  })
}

/** Whether the token opens it, whatever a server makes of the name: of a URI, what it comes to once it is resolved. */
function isOpened({ kind, name }: Used): boolean {
  if (kind === 'tool') return OPENED.tools.includes(name)
  if (kind === 'prompt') return OPENED.prompts.includes(name)
  return [name, decoded(name), decoded(decoded(name)), name.normalize('NFKC')].every((uri) => {
    const path = uri.replaceAll('\\', '/').replace(/\s/g, '')
    return (
      path.startsWith('notes://public/') &&
      (URL.parse(path.replace(/^notes:/, 'http:'))?.href ?? '').startsWith('http://public/')
    )
  })
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

it(`nothing is used that the token does not open, by ${REQUESTS} requests`, async () => {
  const statuses = new Map<number, number>()
  const ran = { notes: 0, tool: 0, prompt: 0, resource: 0 }
  await fc.assert(
    fc.asyncProperty(anyRequest, async (message) => {
      sent = message
      used_unguarded += everyReading(message).some((used) => !isOpened(used)) ? 1 : 0
      for (const [name, target] of Object.entries(targets)) {
        target.used.length = 0
        const status = await send(target.url, message)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
        expect(
          target.used.filter((used) => !isOpened(used)),
          name,
        ).toEqual([])
        expect(status < 300 || (status >= 400 && status < 500), `${name} answers ${status}`).toBe(true)
        if (name === 'notes') ran.notes += target.used.length
        else for (const { kind } of target.used) ran[kind]++
      }
    }),
    { numRuns: REQUESTS },
  )
  // Else nothing was shown: what is allowed did run, and what is not would have.
  expect(ran.notes).toBeGreaterThan(100)
  expect(ran.tool).toBeGreaterThan(100)
  expect(ran.prompt).toBeGreaterThan(20)
  expect(ran.resource).toBeGreaterThan(20)
  expect(used_unguarded).toBeGreaterThan(REQUESTS / 4)
  expect([...statuses.keys()]).toEqual(expect.arrayContaining([200, 202, 400, 403, 404, 405, 415]))
})

it('the readings of the lenient server do find what a body hides', () => {
  const text = (body: string) =>
    everyReading({ headers: {}, body: Buffer.from(body) }).map(({ name }) => name)
  const call = '"method":"tools/call","params"'
  expect(text(`{${call}:{"name":"a","name":"b"}}`)).toEqual(['a', 'b'])
  expect(text(`{${call}:{"name":"a","Name":"b"}}`)).toEqual(['a', 'b'])
  expect(text(`{${call}:{"name":"a"},"p\\u0061rams":{"n\u0430me":"x","n_ame":"b"}}`)).toEqual(['a', 'b'])
  expect(text(`\ufeff[[{${call}:["b"]}],]// x`)).toEqual(['b'])
  expect(text(`{"method":"ping","METHOD":"tools/call","params":{"__proto__":{"name":"b"}}}`)).toEqual(['b'])
})
