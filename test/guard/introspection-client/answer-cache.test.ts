import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AnswerCache } from '../../../src/guard/introspection-client/answer-cache.ts'
import type { ActiveToken, McpAnswer } from '../../../src/guard/introspection-client/introspection.ts'
import type { CallReport } from '../../../src/guard/reports/call-report.ts'

const named = (id: string) => createHash('sha256').update(id).digest('base64url')
const get_note = { mcp_method: 'tools/call', mcp_name: 'get_note' }

let asked: string[]
let reported: CallReport[]
let errors: Error[]
let answer: ActiveToken | undefined
let is_live: boolean
let record: (reports: readonly CallReport[]) => Promise<void>
let cache: AnswerCache

const activeFor = (mcp: Partial<McpAnswer>, token: Partial<ActiveToken> = {}): ActiveToken => ({
  active: true,
  sub: 'ada',
  client_id: 'c',
  scope: 'notes:read',
  aud: 'http://localhost:4001/mcp',
  exp: Math.floor(Date.now() / 1000) + 600,
  jti: 'hash-of-the-token',
  mcp: { method: 'tools/call', name: 'get_note', allowed: true, scope: 'notes:read', ...mcp },
  ...token,
})

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'Date'] })
  asked = []
  reported = []
  errors = []
  answer = activeFor({ risk: 'read_only' })
  is_live = true
  record = async (reports) => void reported.push(...reports)
  cache = new AnswerCache({
    ask: async (token) => {
      asked.push(token)
      return answer
    },
    isLive: () => is_live,
    max_age_ms: 60_000,
    recorder: { record: (reports) => record(reports) },
    on_error: (error) => errors.push(error),
  })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

let calls = 0
const call = (question: object = get_note, token = 't') =>
  cache.introspect(token, { ...question, request_id: `call-${++calls}` })

describe('an answer that is kept', () => {
  it('is given again, equal and not the same, and recorded each time before it is', async () => {
    const first = await call()
    const second = await call()
    expect(asked).toEqual(['t'])
    expect(second).toEqual(first)
    expect(second).not.toBe(first)
    expect(reported).toEqual([
      {
        type: 'tool.decided',
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        occurred_at_ms: Date.now(),
        request_id: `call-${calls}`,
        sub: 'ada',
        client_id: 'c',
        token_id: 'hash-of-the-token',
        method: 'tools/call',
        name: 'get_note',
        allowed: true,
        scope: 'notes:read',
      },
    ])
    if (second) second.scope = 'changed by a handler'
    expect((await call())?.scope).toBe('notes:read')
  })

  it('is about one token and one tool', async () => {
    await call()
    await call(get_note, 'another')
    await call({ mcp_method: 'tools/call', mcp_name: 'search_notes' })
    expect(asked).toEqual(['t', 'another', 't'])
  })

  it('is kept no longer than its maximum age, by either clock, nor than its token', async () => {
    await call()
    vi.advanceTimersByTime(59_999)
    await call()
    expect(asked).toHaveLength(1)
    vi.advanceTimersByTime(1)
    await call()
    expect(asked).toHaveLength(2)
    // The machine slept: only one of its clocks went on.
    vi.setSystemTime(Date.now() + 60_000)
    await call()
    expect(asked).toHaveLength(3)
    answer = activeFor({ risk: 'read_only' }, { exp: Math.ceil(Date.now() / 1000) + 2 })
    await call(get_note, 'short')
    vi.advanceTimersByTime(3_000)
    await call(get_note, 'short')
    expect(asked).toHaveLength(5)
  })

  it('counts only while the feed is live', async () => {
    await call()
    is_live = false
    await call()
    expect(asked).toHaveLength(2)
    is_live = true
    await call()
    expect(asked).toHaveLength(2)
  })

  it('is not given when the decision cannot be recorded', async () => {
    await call()
    record = () => Promise.reject(new Error('the disk is full'))
    await call()
    expect(asked).toHaveLength(2)
    expect(errors).toMatchObject([{ message: 'A decision could not be recorded' }])
  })

  it('is not given when it was dropped while the decision was recorded', async () => {
    await call()
    record = async () => cache.drop({ drop: 'all' })
    answer = undefined
    expect(await call()).toBeUndefined()
  })

  it('gives way to newer ones when there are many', async () => {
    await call(get_note, 'first')
    for (let index = 0; index < 5_000; index++) await call(get_note, `t${index}`)
    asked = []
    await call(get_note, 't4999')
    expect(asked).toEqual([])
    await call(get_note, 'first')
    expect(asked).toEqual(['first'])
  })
})

describe('never kept', () => {
  it.each([
    ['what is inactive', undefined],
    ['what is denied', activeFor({ risk: 'read_only', allowed: false })],
    ['what is destructive', activeFor({ risk: 'destructive' })],
    ['what nobody declared to be read only', activeFor({})],
  ])('%s', async (_, given) => {
    answer = given
    await call()
    await call()
    expect(asked).toHaveLength(2)
    expect(reported).toEqual([])
  })

  it.each([
    ['a prompt', { mcp_method: 'prompts/get', mcp_name: 'greet' }],
    ['a resource', { mcp_method: 'resources/read', mcp_name: 'file:///etc' }],
    ['the token alone', {}],
  ])('what was asked about %s', async (_, question) => {
    await call(question)
    await call(question)
    expect(asked).toHaveLength(2)
  })

  it('an answer that is too long to keep many of', async () => {
    answer = activeFor({ method: 'tools/list', tools: Array.from({ length: 1_000 }, (_, i) => `tool_${i}`) })
    await call({ mcp_method: 'tools/list' })
    await call({ mcp_method: 'tools/list' })
    expect(asked).toHaveLength(2)
  })
})

describe('methods that name nothing', () => {
  it.each(['tools/list', 'initialize', 'ping', 'notifications/initialized'])('%s is kept', async (method) => {
    answer = activeFor({ method, tools: ['get_note'] })
    await call({ mcp_method: method })
    await call({ mcp_method: method })
    expect(asked).toHaveLength(1)
  })
})

describe('a drop', () => {
  const kept = async () => {
    asked = []
    await call()
    return asked.length === 0
  }

  it.each([
    ['everything', { drop: 'all' }, false],
    ['this account', { accounts: [named('ada')] }, false],
    ['this client', { clients: [named('c')] }, false],
    ['others', { accounts: [named('eve')], clients: [named('ada')] }, false],
    ['another account', { accounts: [named('eve')] }, true],
    ['another client', { clients: [named('d')] }, true],
    ['nothing that is understood', {}, false],
    ['something malformed', { accounts: { ada: true } }, false],
  ])('of %s', async (_, dropped, stays) => {
    await call()
    cache.drop(dropped)
    expect(await kept()).toBe(stays)
  })

  it('is not undone by an answer that was asked for before it', async () => {
    const arriving = Promise.withResolvers<void>()
    const slow = new AnswerCache({
      ask: async () => {
        asked.push('slow')
        if (asked.length === 1) await arriving.promise
        return answer
      },
      isLive: () => true,
      max_age_ms: 60_000,
      recorder: { record: async () => {} },
      on_error: () => {},
    })
    const question = { ...get_note, request_id: 'r' }
    const first = slow.introspect('t', question)
    await expect.poll(() => asked).toHaveLength(1)
    slow.drop({ accounts: [named('eve')] })
    arriving.resolve()
    await first
    await slow.introspect('t', question)
    expect(asked).toHaveLength(2)
  })
})

/**
 * An authorization server where each account's right is a switch, and a feed that tells of it later. However answers,
 * records and messages of the feed overtake each other, no allow that was kept is given after the drop for it was heard.
 */
describe('in whatever order things arrive', () => {
  const ACCOUNTS = ['ada', 'bob']

  it('no allow is given from what is kept once its drop was heard', async () => {
    // At once, and not by a thread: nothing but the scheduler decides what comes first.
    vi.spyOn(crypto.subtle, 'digest').mockImplementation(async (_, data) => {
      const bytes = createHash('sha256')
        .update(data as Uint8Array)
        .digest()
      return new Uint8Array(bytes).buffer
    })
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(
          fc.record({
            act: fc.constantFrom('call' as const, 'call' as const, 'revoke' as const, 'allow' as const),
            who: fc.constantFrom(...ACCOUNTS),
          }),
          { minLength: 4, maxLength: 20 },
        ),
        async (scheduler, acts) => {
          const may = new Map(ACCOUNTS.map((sub) => [sub, true]))
          // How often something was taken from each account, in truth and as the guard has heard.
          const taken = new Map(ACCOUNTS.map((sub) => [sub, 0]))
          const heard = new Map(ACCOUNTS.map((sub) => [sub, 0]))
          const were_asked = new Set<string>()
          const wrong: string[] = []
          const made = new AnswerCache({
            ask: async (sub, { request_id }) => {
              were_asked.add(request_id)
              await scheduler.schedule(Promise.resolve(), 'the question travels')
              const given = activeFor(
                { risk: 'read_only', allowed: may.get(sub) === true },
                { sub, jti: String(taken.get(sub)) },
              )
              await scheduler.schedule(Promise.resolve(), 'the answer travels')
              return given
            },
            isLive: () => true,
            max_age_ms: 60_000,
            recorder: { record: () => scheduler.schedule(Promise.resolve(), 'the record is written') },
            on_error: () => {},
          })
          const one = async (sub: string, request_id: string) => {
            const given = await made.introspect(sub, { ...get_note, request_id })
            if (!were_asked.has(request_id) && Number(given?.jti) < (heard.get(sub) ?? 0))
              wrong.push(request_id)
          }
          const revoke = async (sub: string) => {
            const count = (taken.get(sub) ?? 0) + 1
            taken.set(sub, count)
            may.set(sub, false)
            await scheduler.schedule(Promise.resolve(), 'the feed travels')
            made.drop({ accounts: [named(sub)] })
            heard.set(sub, Math.max(count, heard.get(sub) ?? 0))
          }
          const running = acts.map(async ({ act, who }, index) => {
            await scheduler.schedule(Promise.resolve(), `${act} ${who}`)
            if (act === 'call') return one(who, `r${index}`)
            if (act === 'revoke') return revoke(who)
            may.set(who, true)
          })
          await scheduler.waitFor(Promise.all(running))
          expect(wrong).toEqual([])
        },
      ),
      { numRuns: 500 },
    )
  })
})
