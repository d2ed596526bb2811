import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ReviewOptions } from '../../src/doctor/crawl/mcp-prober.ts'
import { reportLines } from '../../src/doctor/report/review-report.ts'
import { review } from '../../src/doctor/review.ts'

/** Answers by turns, whatever is asked. */
type Turn = { status: number; type: string; header: string; body: string | Buffer } | 'hang up'

let http: Server
let origin: string
let turns: Turn[] = []
let asked = 0

beforeAll(async () => {
  http = createServer((request, response) => {
    request.resume()
    const turn = turns[asked++ % turns.length] ?? 'hang up'
    if (turn === 'hang up') return void request.socket.destroy()
    const { status, type, header, body } = turn
    response.writeHead(status, { 'content-type': type, 'www-authenticate': header }).end(body)
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
})
afterAll(() => void http.close())

async function reviewed(answers: Turn[], options: Partial<ReviewOptions> = {}) {
  turns = answers
  asked = 0
  const url = `${origin}/mcp`
  return review({ url, token: 'a-token', second_token: 'another', timeout_ms: 2_000, ...options })
}

const ESCAPES = '\u001b[2J\u001b]0;owned\u0007\u202e\u0000'
const plain = fc.string({
  unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
})

/** What the documents of a deployment are made of, each in its right place or in a wrong one. */
const value = fc.oneof(
  fc.jsonValue(),
  plain,
  fc.constantFrom(
    'http://[::1',
    'javascript:alert(1)',
    ESCAPES,
    `${'x'.repeat(5_000)}`,
    '2025-11-25',
    '9'.repeat(400),
  ),
  fc.constant('ORIGIN').map(() => origin),
)
const members = [
  'resource',
  'authorization_servers',
  'scopes_supported',
  'issuer',
  'authorization_endpoint',
  'token_endpoint',
  'registration_endpoint',
  'revocation_endpoint',
  'code_challenge_methods_supported',
  'access_token',
  'refresh_token',
  'client_id',
  'id',
  'error',
  'result',
] as const
const tools = fc.record({
  tools: fc.oneof(fc.array(value), value),
  nextCursor: value,
  protocolVersion: value,
})
const document = fc.record(
  Object.fromEntries(
    members.map((name) => [
      name,
      name === 'result' ? fc.oneof(tools, value) : fc.oneof(value, fc.array(value)),
    ]),
  ),
  { requiredKeys: [] },
)
const turn: fc.Arbitrary<Turn> = fc.oneof(
  { weight: 1, arbitrary: fc.constant('hang up' as const) },
  {
    weight: 12,
    arbitrary: fc.record({
      status: fc.constantFrom(200, 200, 200, 201, 202, 301, 400, 401, 403, 404, 500),
      type: fc.constantFrom('application/json', 'text/event-stream', 'text/html', ''),
      header: fc.oneof(
        plain,
        plain.map((text) => `Bearer resource_metadata="${text}"`),
        fc.constant('').map(() => `Bearer resource_metadata="${origin}/m", scope="* offline_access"`),
      ),
      body: fc.oneof(
        document.map((json) => JSON.stringify(json)),
        document.map((json) => `data: ${JSON.stringify(json)}\n\n`),
        fc.string(),
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      ),
    }),
  },
)

describe('whatever a server answers', () => {
  it('a review ends with a verdict, and none of it can reach the terminal as it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { minLength: 1, maxLength: 6 }), async (answers) => {
        const result = await reviewed(answers)
        const lines = 'unreviewed' in result ? [result.unreviewed] : reportLines(result)
        expect(lines.join('')).not.toMatch(/\p{Cc}|\u202e/u)
        expect(lines.join('')).not.toContain('a-token')
      }),
      { numRuns: 60 },
    )
  })

  it('the same with --active', async () => {
    const onPerson = (address: string) => void fetch(address).catch(() => {})
    const active = { onPerson, person_timeout_ms: 1, grace_ms: 0, revocation_timeout_ms: 1 }
    await fc.assert(
      fc.asyncProperty(fc.array(turn, { minLength: 1, maxLength: 6 }), async (answers) => {
        const result = await reviewed(answers, { active, read_only_token: 'reads' })
        expect('unreviewed' in result ? result.unreviewed : result.passed).toBeDefined()
      }),
      { numRuns: 40 },
    )
  })
})

const LARGEST = 1024 * 1024
it.each([
  ['lines', 'text/plain', '\n'],
  ['tags', 'text/plain', '<'],
  ['titles', 'application/json', '<title'],
  ['events without an end', 'text/event-stream', 'data:"result":\n'],
])('the largest answer, of nothing but %s, is judged', async (_, type, part) => {
  const body = part.repeat(LARGEST / part.length)
  const answers: Turn[] = [{ status: 401, type, header: 'Bearer', body }]
  expect(await reviewed(answers, { timeout_ms: 10_000 })).toHaveProperty('passed')
})

it('an answer without an end is not read to its end', async () => {
  const huge = { status: 200, type: 'application/json', header: '', body: 'x'.repeat(3 * 1024 * 1024) }
  expect(await reviewed([huge])).toEqual({ unreviewed: expect.stringContaining('larger') })
})

it('a server that does not answer was not reviewed', async () => {
  expect(await reviewed(['hang up'])).toEqual({ unreviewed: expect.any(String) })
})
