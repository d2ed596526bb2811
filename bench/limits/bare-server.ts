import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import pg from 'pg'
import { RESOURCE_SERVER } from './bare-tables.ts'

/**
 * `node bare-server.ts <port> <database url>`: what bare node:http and pg can do when they do it once for each
 * request. One prepared select by primary key for each question; one insert for all records that wait; the answer
 * leaves after its record is committed. No grants, accounts, catalogue, chain, limits or headers.
 */
const [port = '0', url = ''] = process.argv.slice(2)
const CONNECTIONS = 8

const select = { name: 'find', text: 'select * from tokens where id = $1 and expires_at > now()' }
const insert = {
  name: 'record',
  text: `insert into audit_events (token_id, account_id, client_id)
         select * from unnest($1::bytea[], $2::text[], $3::text[])`,
}
const options = { connectionString: url, options: '-c plan_cache_mode=force_generic_plan -c jit=off' }
const selects = new pg.Pool({ ...options, max: CONNECTIONS })
const inserts = new pg.Pool({ ...options, max: 1 })

const { client_id, client_secret } = RESOURCE_SERVER
const EXPECTED = `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}`

type Token = { id: Buffer; account_id: string; client_id: string; scope: string; resource: string }
type Waiting = { token: Token; resolve(): void; reject(error: unknown): void }
let waiting: Waiting[] = []
let recording = false

function record(token: Token): Promise<void> {
  return new Promise((resolve, reject) => {
    waiting.push({ token, resolve, reject })
    if (!recording) setImmediate(recordAll)
    recording = true
  })
}

async function recordAll(): Promise<void> {
  while (waiting.length > 0) {
    const batch = waiting
    waiting = []
    const values = [
      batch.map(({ token }) => token.id),
      batch.map(({ token }) => token.account_id),
      batch.map(({ token }) => token.client_id),
    ]
    try {
      await inserts.query({ ...insert, values })
      for (const { resolve } of batch) resolve()
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
  recording = false
}

async function introspect(body: string): Promise<object> {
  const id = createHash('sha256')
    .update(new URLSearchParams(body).get('token') ?? '')
    .digest()
  const { rows } = await selects.query<Token>({ ...select, values: [id] })
  const [token] = rows
  if (!token) return { active: false }
  await record(token)
  const { account_id: sub, scope, resource: aud } = token
  return { active: true, sub, client_id: token.client_id, scope, aud, token_type: 'Bearer' }
}

function answer(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  })
  response.end(text)
}

function handle(request: IncomingMessage, response: ServerResponse): void {
  if (request.url === '/readyz') answer(response, 200, {})
  else if (request.headers.authorization !== EXPECTED) answer(response, 401, { error: 'invalid_client' })
  else readAndAnswer(request, response)
}

function readAndAnswer(request: IncomingMessage, response: ServerResponse): void {
  let body = ''
  request.setEncoding('utf8').on('data', (text: string) => {
    body += text
  })
  request.on('end', () => {
    introspect(body).then(
      (found) => answer(response, 200, found),
      (error: Error) => answer(response, 503, { error: error.message }),
    )
  })
}

const server = createServer(handle).listen(Number(port), '127.0.0.1')
process.once('SIGTERM', () => {
  server.close(() => void Promise.all([selects.end(), inserts.end()]))
  server.closeAllConnections()
})
