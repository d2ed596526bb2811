import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkOptions } from '../../../src/guard/guard-options.ts'
import { createDelivery } from '../../../src/guard/reports/delivery.ts'
import { testKey } from '../../support/assertions.ts'

let http: Server
let issuer: string
let answer: { status: number; headers?: Record<string, string>; body?: string } | 'cut'
const got: { authorization: string | undefined; body: Record<string, unknown> }[] = []

beforeAll(async () => {
  http = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = JSON.parse(Buffer.concat(chunks).toString())
    got.push({ authorization: request.headers.authorization, body })
    if (answer === 'cut') return void response.destroy()
    response.writeHead(answer.status, answer.headers).end(answer.body)
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
})
afterAll(() => void http.close())

const common = { resource: 'http://localhost/mcp', default_scopes: [], client_id: 'notes' }

function deliverAs(credentials: object) {
  const { decided_by } = checkOptions({ ...common, issuer, ...credentials })
  if (!('server' in decided_by)) throw new Error('no server')
  return createDelivery(decided_by.server, `${issuer}/introspect/reports`)
}

it.each<[typeof answer, object]>([
  [
    { status: 200, body: '{"accepted":1,"duplicates":0,"refused":[]}' },
    { outcome: 'taken', refused: [] },
  ],
  [{ status: 200, body: '<html>' }, { outcome: 'later' }],
  [{ status: 200, body: '{"active":false}' }, { outcome: 'later' }],
  [{ status: 200, body: 'null' }, { outcome: 'later' }],
  [{ status: 302, headers: { location: '/elsewhere' } }, { outcome: 'later' }],
  [{ status: 401 }, { outcome: 'later', why: 'status 401' }],
  [
    { status: 429, headers: { 'retry-after': '7' } },
    { outcome: 'later', after_ms: 7_000 },
  ],
  [
    { status: 503, headers: { 'retry-after': '86400' } },
    { outcome: 'later', after_ms: 300_000 },
  ],
  [
    { status: 503, headers: { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' } },
    { outcome: 'later', after_ms: 0 },
  ],
  [{ status: 400 }, { outcome: 'unfit' }],
  [{ status: 413 }, { outcome: 'unfit' }],
  [{ status: 404 }, { outcome: 'unknown_here' }],
  [{ status: 405 }, { outcome: 'unknown_here' }],
  ['cut', { outcome: 'later' }],
])('an answer of %j', async (said, delivered) => {
  answer = said
  expect(await deliverAs({ client_secret: 's' })(['{"id":"1"}'])).toMatchObject(delivered)
})

it('proves itself by the header, or by a signature in the body', async () => {
  answer = { status: 503 }
  await deliverAs({ client_secret: 's' })(['{"id":"1"}', '{"id":"2"}'])
  expect(got.at(-1)).toEqual({
    authorization: `Basic ${btoa('notes:s')}`,
    body: { reports: [{ id: '1' }, { id: '2' }] },
  })
  const private_key = testKey('ES256').private_key.export({ format: 'jwk' })
  await deliverAs({ private_key })(['{"id":"1"}'])
  expect(got.at(-1)).toMatchObject({
    authorization: undefined,
    body: { client_assertion: expect.stringContaining('.'), reports: [{ id: '1' }] },
  })
})
