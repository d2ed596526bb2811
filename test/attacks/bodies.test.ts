// Somebody without an account, a token or a secret, who sends long and costly bodies to every door.
import { randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ACTIONS } from '../../src/actions/index.ts'
import { protectNodeHandler } from '../../src/guard/adapters/node.ts'
import { createGuard } from '../../src/guard/index.ts'
import { ACCOUNT_PAGES } from '../../src/pages/account/routes.ts'
import { OPERATOR_PAGES } from '../../src/pages/operator/routes.ts'
import { RESOURCE, Toolgate } from '../support/toolgate.ts'

const UNPROVEN_BYTES = 64 * 1024
/** Node takes 64 KB from a socket at once, and has begun with the next when somebody wants no more. */
const SLACK_BYTES = 2 * 64 * 1024 + 4 * 1024
const CPU_MS_MAX = 5

let toolgate: Toolgate
let doors: Record<'server' | 'guard', { server: Server; port: number; host: string; sockets: Socket[] }>
let rs: { client_id: string; client_secret: string }

async function opened(listener: Parameters<typeof createServer>[1] & object, host: string) {
  const server = createServer(listener)
  const sockets: Socket[] = []
  server.on('connection', (socket) => void sockets.push(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { server, port: (server.address() as AddressInfo).port, host, sockets }
}

beforeAll(async () => {
  toolgate = await Toolgate.start()
  rs = await toolgate.resourceServer()
  const guard = createGuard({
    resource: RESOURCE,
    issuer: toolgate.issuer,
    client_id: rs.client_id,
    client_secret: rs.client_secret,
    default_scopes: ['notes:read'],
    reports: false,
  })
  const guarded = protectNodeHandler(guard, (_, response) => void response.end('{}'))
  doors = {
    server: await opened((req, res) => void toolgate.app.listener(req, res), new URL(toolgate.issuer).host),
    guard: await opened((req, res) => void guarded(req, res), new URL(RESOURCE).host),
  }
})
afterAll(async () => {
  for (const { server } of Object.values(doors)) server.closeAllConnections()
  await toolgate.close()
})

type Door = { at: 'server' | 'guard'; method: string; path: string; type: string; authorization?: string }

const FORM = 'application/x-www-form-urlencoded'
const JSON_TYPE = 'application/json'
const STRANGE = `Bearer ${randomBytes(32).toString('base64url')}`

const at = (path: string, type: string, more: Partial<Door> = {}): Door => ({
  at: 'server',
  method: 'POST',
  path,
  type,
  ...more,
})
const filled = (path: string) => path.replaceAll(/\{\w+\}|:\w+/g, 'x')

/** Every door of the server and of the guard that takes a body, with nothing and with a credential that is none. */
const DOORS: Door[] = [
  ...[
    '/token',
    '/revoke',
    '/introspect',
    '/introspect/changes',
    '/sign-in',
    '/interaction/x/login',
    '/interaction/x/consent',
  ].map((path) => at(path, FORM)),
  at('/introspect', FORM, { authorization: `Basic ${btoa('x:y')}` }),
  at('/register', JSON_TYPE),
  at('/introspect/reports', JSON_TYPE),
  at('/introspect/reports', JSON_TYPE, { authorization: `Basic ${btoa('x:y')}` }),
  ...[undefined, STRANGE, 'Bearer x', 'Bearer'].flatMap((authorization) => {
    const more = authorization === undefined ? {} : { authorization }
    return [at('/operator/mcp', JSON_TYPE, more), at('/mcp', JSON_TYPE, { ...more, at: 'guard' })]
  }),
  ...ACTIONS.filter(({ method }) => method !== 'get').map(({ method, path }) =>
    at(`/operator/api/v1${filled(path)}`, JSON_TYPE, {
      method: method.toUpperCase(),
      authorization: STRANGE,
    }),
  ),
  ...[...ACCOUNT_PAGES, ...OPERATOR_PAGES]
    .filter(({ method }) => method === 'post')
    .map(({ path }) => at(filled(path), FORM)),
  at('/nothing', JSON_TYPE),
]

/** Sends the head and then the body for as long as it is taken; answers the status, and what the other side read. */
function send(
  { at: where, method, path, type, authorization }: Door,
  body: Buffer,
  declared: 'length' | 'chunked',
) {
  const { port, host, sockets } = doors[where]
  const before = sockets.length
  const head = [
    `${method} ${path} HTTP/1.1`,
    `Host: ${host}`,
    `Content-Type: ${type}`,
    'Accept: application/json, text/event-stream',
    ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
    declared === 'length' ? `Content-Length: ${body.length}` : 'Transfer-Encoding: chunked',
  ].join('\r\n')
  const bytes =
    declared === 'length'
      ? body
      : Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')])
  return new Promise<{ status: number; read_bytes: number }>((resolve) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1')
    const finish = () =>
      resolve({ status: Number(answer.split(' ')[1] ?? 0), read_bytes: sockets[before]?.bytesRead ?? 0 })
    socket.setEncoding('latin1')
    socket.on('data', (text) => {
      answer += text
      if (!answer.includes('\r\n\r\n')) return
      socket.destroy()
      finish()
    })
    socket.on('error', finish)
    socket.write(`${head}\r\n\r\n`)
    socket.write(bytes)
  })
}

const names = (size: number) => {
  const members: string[] = []
  for (let length = 0, n = 0; length < size; n++) length += members[members.push(`"${n}":1`) - 1]!.length + 1
  return Buffer.from(
    `{"jsonrpc":"2.0","id":1,"method":"ping","params":{${members.join(',').slice(0, size - 80)}}}`,
  )
}
const parameters = (size: number) =>
  Buffer.from(Array.from({ length: size / 6 }, (_, n) => `${n.toString(36).padStart(3, '0')}=1`).join('&'))
const bodyFor = ({ type }: Door, size: number) => (type === FORM ? parameters(size) : names(size))

const title = ({ at: where, method, path, authorization = 'nothing' }: Door) =>
  `${where} ${method} ${path} with ${authorization.slice(0, 12)}`

describe('for somebody who did not prove who they are', () => {
  it.each(DOORS.map((door) => [title(door), door] as const))(
    '%s: no byte beyond 64 KB is read',
    async (_, door) => {
      for (const declared of ['length', 'chunked'] as const) {
        const { status, read_bytes } = await send(door, bodyFor(door, 8 * 1024 * 1024), declared)
        expect(status === 0 || status >= 300).toBe(true)
        expect(read_bytes).toBeLessThanOrEqual(UNPROVEN_BYTES + SLACK_BYTES)
      }
    },
  )

  it('a body of 64 KB costs no more than 5 ms of processor time at any door', async () => {
    const costly: string[] = []
    // What a password check costs has a bound of its own.
    for (const door of DOORS.filter(({ path }) => path !== '/sign-in')) {
      const body = bodyFor(door, UNPROVEN_BYTES - 256)
      await send(door, body, 'length')
      // The least of some: what else the machine does is no cost of the door.
      let least_ms = Number.POSITIVE_INFINITY
      for (let n = 0; n < 6; n++) {
        const begun = process.cpuUsage()
        await send(door, body, 'length')
        const { user, system } = process.cpuUsage(begun)
        least_ms = Math.min(least_ms, (user + system) / 1_000)
      }
      if (least_ms > CPU_MS_MAX) costly.push(`${title(door)}: ${least_ms.toFixed(1)} ms`)
    }
    expect(costly).toEqual([])
  })
})

describe('for somebody with a live token', () => {
  it('a message of a megabyte goes through the guard, at one question more than a short one', async () => {
    const { person } = await toolgate.account()
    const { client_id } = await toolgate.register()
    const { access_token } = await toolgate.tokens(person(), client_id)
    const questions = async () => {
      const [{ count }] = (await toolgate.db.database
        .knex('audit_events')
        .whereIn('type', ['tool.decided', 'token.introspected'])
        .count()) as [{ count: number }]
      return Number(count)
    }
    const call = async (size: number) => {
      const before = await questions()
      const body = Buffer.from(
        JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: { name: 'search_notes', arguments: { query: 'x'.repeat(size) } },
        }),
      )
      const { status } = await send(
        at('/mcp', JSON_TYPE, { at: 'guard', authorization: `Bearer ${access_token}` }),
        body,
        'length',
      )
      return [status, (await questions()) - before]
    }
    expect(await call(10)).toEqual([200, 1])
    expect(await call(1024 * 1024)).toEqual([200, 2])
  })
})
