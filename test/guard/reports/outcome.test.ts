import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GuardedRequest } from '../../../src/guard/guarded-request.ts'
import type { Asked } from '../../../src/guard/introspection-client/verdict.ts'
import type { OutcomeReport } from '../../../src/guard/reports/call-report.ts'
import { watchOutcomes } from '../../../src/guard/reports/outcome.ts'

type Message = { jsonrpc: '2.0'; id?: unknown; method: string; params: Record<string, unknown> }

const call = (id?: unknown, name = 'get_note', given: unknown = { id: '1' }): Message => ({
  jsonrpc: '2.0',
  ...(id === undefined ? {} : { id }),
  method: 'tools/call',
  params: { name, arguments: given },
})

const askedAbout = ({ id, method, params }: Message, index: number): Asked => ({
  question: {
    id,
    mcp_method: method,
    mcp_name: String(params.name ?? params.uri),
    request_id: `request-${index}`,
  },
  token: { active: true, sub: 'ada', client_id: 'c', scope: 's', aud: 'r', exp: 0, jti: 't' },
})

type Answer = {
  status?: number
  headers?: Record<string, string>
  chunks?: readonly (string | Uint8Array)[]
  is_whole?: boolean
}

/** What is reported of this answer to these messages; an empty list when nothing is. */
async function reportsOf(messages: Message[], answer: Answer, is_batch = messages.length > 1) {
  const {
    status = 200,
    headers = { 'content-type': 'application/json' },
    chunks = [],
    is_whole = true,
  } = answer
  const said = Promise.withResolvers<OutcomeReport[]>()
  const body = is_batch ? messages : messages[0]
  const allowed = { body } as Parameters<ReturnType<typeof watchOutcomes>>[1]
  const watch = watchOutcomes(said.resolve)({} as GuardedRequest, allowed, messages.map(askedAbout))
  watch.begin(status, new Headers(headers))
  for (const chunk of chunks) watch.write(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk)
  watch.end(is_whole)
  return said.promise
}
const outcomesOf = async (...given: Parameters<typeof reportsOf>) =>
  (await reportsOf(...given)).map(({ outcome }) => outcome)

const ok = (id: unknown) => ({ jsonrpc: '2.0', id, result: { content: [] } })
const failed = (id: unknown) => ({ jsonrpc: '2.0', id, result: { content: [], isError: true } })
const faulty = (id: unknown) => ({ jsonrpc: '2.0', id, error: { code: -32603, message: 'no' } })
const events = { 'content-type': 'text/event-stream' }
const event = (data: unknown) => `event: message\ndata: ${JSON.stringify(data)}\n\n`

describe('the report of a call', () => {
  it('says who called what, how it ended, and the hash of the arguments in place of them', async () => {
    const text = JSON.stringify(failed(7))
    const given = { text: 'sécret', a: 1 }
    const [report, ...others] = await reportsOf([call(7, 'create_note', given)], { chunks: [text] })
    expect(others).toEqual([])
    expect(report).toEqual({
      type: 'tool.completed',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      occurred_at_ms: expect.any(Number),
      request_id: 'request-0',
      sub: 'ada',
      client_id: 'c',
      token_id: 't',
      method: 'tools/call',
      name: 'create_note',
      outcome: 'tool_error',
      duration_ms: expect.any(Number),
      size_bytes: text.length,
      arguments_sha256: createHash('sha256').update('{"a":1,"text":"sécret"}').digest('hex'),
    })
  })

  it('hashes the arguments as they came, whatever the handler does with them', async () => {
    const message = call(1, 'get_note', { id: '1' })
    const said = Promise.withResolvers<OutcomeReport[]>()
    const allowed = { body: message } as unknown as Parameters<ReturnType<typeof watchOutcomes>>[1]
    const watch = watchOutcomes(said.resolve)({} as GuardedRequest, allowed, [askedAbout(message, 0)])
    message.params.arguments = { id: '2' }
    watch.begin(200, new Headers())
    watch.end(true)
    const [report] = await said.promise
    expect(report?.arguments_sha256).toBe(createHash('sha256').update('{"id":"1"}').digest('hex'))
  })

  it('is made for prompts and resources too, and has no hash where nothing was given', async () => {
    const read: Message = { jsonrpc: '2.0', id: 1, method: 'resources/read', params: { uri: 'notes://1' } }
    const prompt: Message = { jsonrpc: '2.0', id: 2, method: 'prompts/get', params: { name: 'sum' } }
    const list: Message = { jsonrpc: '2.0', id: 3, method: 'tools/list', params: {} }
    const reports = await reportsOf([read, list, prompt], { chunks: [JSON.stringify([ok(1), ok(2), ok(3)])] })
    expect(reports.map(({ method, name, arguments_sha256 }) => [method, name, arguments_sha256])).toEqual([
      ['resources/read', 'notes://1', undefined],
      ['prompts/get', 'sum', undefined],
    ])
  })
})

describe('what came of it', () => {
  it.each<[string, Answer, OutcomeReport['outcome']]>([
    ['an answer', { chunks: [JSON.stringify(ok(1))] }, 'ok'],
    ['an error of the tool', { chunks: [JSON.stringify(failed(1))] }, 'tool_error'],
    ['an error of JSON-RPC', { chunks: [JSON.stringify(faulty(1))] }, 'protocol_error'],
    ['the same with an HTTP status', { status: 400, chunks: [JSON.stringify(faulty(1))] }, 'protocol_error'],
    ['an HTTP error', { status: 500, chunks: ['{"error":"server_error"}'] }, 'http_error'],
    ['an error to nobody', { status: 400, chunks: [JSON.stringify(faulty(null))] }, 'http_error'],
    [
      'an answer that broke off',
      { chunks: [JSON.stringify(ok(1)).slice(0, -1)], is_whole: false },
      'aborted',
    ],
    ['the answer to something else', { chunks: [JSON.stringify(ok('1'))] }, 'aborted'],
    [
      'an event among others',
      { headers: events, chunks: [event({ method: 'x' }), event(failed(1))] },
      'tool_error',
    ],
    [
      'an event, and then the client went',
      { headers: events, chunks: [event(ok(1))], is_whole: false },
      'ok',
    ],
    ['an event that never ended', { headers: events, chunks: [event(ok(1)).trimEnd()] }, 'aborted'],
    ['a stream without it', { headers: events, chunks: [event(ok(2))] }, 'aborted'],
    ['a compressed answer', { headers: { ...events, 'content-encoding': 'gzip' }, chunks: ['?'] }, 'ok'],
    ['nothing readable', { headers: { 'content-type': 'text/html' }, chunks: ['<p>'] }, 'ok'],
    ['no JSON', { chunks: ['{"id":1,"result":'] }, 'aborted'],
  ])('%s', async (_, answer, outcome) => {
    expect(await outcomesOf([call(1)], answer)).toEqual([outcome])
  })

  it('is said from the status for a notification, which nobody answers', async () => {
    expect(await outcomesOf([call()], { status: 202 })).toEqual(['ok'])
  })

  it('is said from the status for what is too large to be kept, whose size counts all the same', async () => {
    const large = { ...failed(1), filler: 'a'.repeat(1024 * 1024) }
    for (const [headers, text] of [
      [undefined, JSON.stringify(large)],
      [events, event(large)],
    ] as const) {
      const answer = { ...(headers && { headers }), chunks: [text.slice(0, 700_000), text.slice(700_000)] }
      const [report] = await reportsOf([call(1)], answer)
      expect([report?.outcome, report?.size_bytes]).toEqual(['ok', text.length])
    }
  })

  it('is read from the event after one that was too large', async () => {
    const chunks = [event({ filler: 'a'.repeat(1024 * 1024) }), event(failed(1))]
    expect(await outcomesOf([call(1)], { headers: events, chunks })).toEqual(['tool_error'])
  })

  it('is that of each call of a batch, by its id; of two with one id in turn', async () => {
    const chunks = [JSON.stringify([failed('b'), ok('a'), ok('b'), faulty(3)])]
    expect(await outcomesOf([call('a'), call('b'), call(3), call('b')], { chunks })).toEqual([
      'ok',
      'tool_error',
      'protocol_error',
      'ok',
    ])
  })
})

describe('an answer in any pieces', () => {
  const answers = fc.array(
    fc.record({
      kind: fc.constantFrom('ok', 'tool_error', 'protocol_error', 'none'),
      text: fc.string({ unit: 'grapheme', maxLength: 20 }),
      comment: fc.boolean(),
    }),
    { minLength: 1, maxLength: 6 },
  )
  const message = ({ kind, text }: { kind: string; text: string }, id: number) => {
    if (kind === 'protocol_error') return { jsonrpc: '2.0', id, error: { code: 1, message: text } }
    const isError = kind === 'tool_error' ? { isError: true } : {}
    return { jsonrpc: '2.0', id, result: { content: [{ type: 'text', text }], ...isError } }
  }
  /** Cuts the bytes at these places, wherever in a character they are. */
  const cut = (bytes: Uint8Array, places: readonly number[]) => {
    const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
    return at.slice(1).map((end, index) => bytes.slice(at[index], end))
  }

  it('gives the same reports, which say what was answered', async () => {
    await fc.assert(
      fc.asyncProperty(
        answers,
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        fc.array(fc.nat(), { maxLength: 30 }),
        async (said, line_end, is_stream, places) => {
          const sent = said.flatMap((each, id) =>
            each.kind === 'none' ? [] : [{ ...each, body: message(each, id) }],
          )
          const lines = sent.flatMap(({ body, comment }) => [
            ...(comment ? [': so', '', 'id: 1', 'retry: 5'] : []),
            // Each line of data is a line of the JSON.
            ...JSON.stringify(body, null, 1)
              .split('\n')
              .map((line) => `data: ${line}`),
            '',
          ])
          const text = is_stream
            ? lines.map((line) => line + line_end).join('')
            : JSON.stringify(sent.map(({ body }) => body))
          const bytes = new TextEncoder().encode(text)
          const messages = said.map((_, id) => call(id))
          const headers = {
            'content-type': is_stream ? 'text/event-stream; charset=utf-8' : 'application/json',
          }
          const reports = await reportsOf(messages, { headers, chunks: cut(bytes, places) }, true)
          expect(reports.map(({ outcome }) => outcome)).toEqual(
            said.map(({ kind }) => (kind === 'none' ? 'aborted' : kind)),
          )
          for (const { size_bytes } of reports) expect(size_bytes).toBe(bytes.length)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('never throws, whatever the pieces are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('application/json', 'text/event-stream', 'text/plain', ''),
        fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }),
        fc.integer({ min: 100, max: 599 }),
        fc.boolean(),
        async (type, chunks, status, is_whole) => {
          const headers: Record<string, string> = type === '' ? {} : { 'content-type': type }
          expect(await reportsOf([call(1)], { status, headers, chunks, is_whole })).toHaveLength(1)
        },
      ),
    )
  })
})
