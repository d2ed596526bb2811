import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { messagesIn } from '../../src/guard/mcp-messages.ts'
import { DIFFERING_PARAMS, UNREADABLE_NAMES, UNREADABLE_REFERENCES } from './differing-readings.ts'
import { call, refusalOf } from './tool-call.ts'

describe('messagesIn', () => {
  it('asks by the name of a tool or prompt and by the URI of a resource', () => {
    expect(messagesIn(call('get_note'))).toEqual([{ id: 1, mcp_method: 'tools/call', mcp_name: 'get_note' }])
    const read = { jsonrpc: '2.0', id: 2, method: 'resources/read', params: { uri: 'notes://1', name: 'x' } }
    expect(messagesIn(read)).toEqual([{ id: 2, mcp_method: 'resources/read', mcp_name: 'notes://1' }])
    const prompt = { jsonrpc: '2.0', id: 3, method: 'prompts/get', params: { name: 'p' } }
    expect(messagesIn(prompt)).toEqual([{ id: 3, mcp_method: 'prompts/get', mcp_name: 'p' }])
  })

  it('asks by the method alone for everything else, and by nothing for a response or no body', () => {
    expect(
      messagesIn({ jsonrpc: '2.0', method: 'notifications/initialized', params: { name: 'x' } }),
    ).toEqual([{ id: undefined, mcp_method: 'notifications/initialized' }])
    expect(messagesIn({ jsonrpc: '2.0', id: 1, result: {} })).toEqual([{ id: 1 }])
    expect(messagesIn(undefined)).toEqual([{}])
  })

  it('asks about every message of a batch', () => {
    expect(messagesIn([call('a', 1), { jsonrpc: '2.0', id: 2, method: 'ping' }])).toHaveLength(2)
  })

  it('does not take a method from the prototype of a table', () => {
    expect(messagesIn({ jsonrpc: '2.0', id: 1, method: 'constructor' })).toEqual([
      { id: 1, mcp_method: 'constructor' },
    ])
  })

  it.each([
    ['a string', 'tools/call'],
    ['null', null],
    ['an empty batch', []],
    ['a batch in a batch', [[call('a')]]],
    ['a batch too large to ask about', Array.from({ length: 51 }, () => call('a'))],
    ['a method that is no string', { jsonrpc: '2.0', id: 7, method: 7 }],
    ['what has no jsonrpc', { id: 7, method: 'ping' }],
    ['another JSON-RPC', { jsonrpc: '1.0', id: 7, method: 'ping' }],
    ['what is neither request nor response', { jsonrpc: '2.0', id: 7 }],
    ['a request that is a response too', { ...call('a'), result: {} }],
    ['a response of two kinds', { jsonrpc: '2.0', id: 1, result: {}, error: {} }],
    ['a second method in another case', { ...call('a'), Method: 'tools/list' }],
    ['a method in another case alone', { jsonrpc: '2.0', id: 1, METHOD: 'tools/call', params: {} }],
    ['a method with a letter that looks like one', { ...call('a'), 'm\u0435thod': 'tools/list' }],
    ['an id of null', call('a', null)],
    ['an id that is a fraction', call('a', 1.5)],
    ['an id that would come back as another', call('a', 2 ** 53)],
    ['an id that is an object', call('a', {})],
    ['an id without end', call('a', 'x'.repeat(1025))],
    ['a method too long to ask about', { jsonrpc: '2.0', id: 7, method: 'm'.repeat(129) }],
  ])('refuses %s as no JSON-RPC', (_, body) => {
    expect(refusalOf(() => messagesIn(body))).toMatchObject({ status: 400, code: -32600 })
  })

  it.each(UNREADABLE_NAMES)('refuses a tool call whose name %s', (_, name) => {
    expect(refusalOf(() => messagesIn(call(name, 'x')))).toEqual({ status: 400, code: -32602, id: 'x' })
  })

  it.each([...DIFFERING_PARAMS, ['takes it from a prototype', Object.create({ name: 'get_note' })] as const])(
    'refuses a tool call that %s',
    (_, params) => {
      const body = { jsonrpc: '2.0', id: 'x', method: 'tools/call', params }
      expect(refusalOf(() => messagesIn(body))).toEqual({ status: 400, code: -32602, id: 'x' })
    },
  )

  it('refuses a tool call without an id, which would run unanswered', () => {
    expect(refusalOf(() => messagesIn({ ...call('get_note'), id: undefined }))).toMatchObject({
      code: -32602,
    })
  })

  const about = (method: string, params: unknown) =>
    messagesIn({ jsonrpc: '2.0', id: 1, method, params }).map(({ mcp_method, mcp_name }) =>
      [mcp_method, mcp_name].filter(Boolean).join(' '),
    )

  it('asks about what a method touches, whatever it is called', () => {
    expect(about('resources/subscribe', { uri: 'notes://1' })).toEqual(['resources/subscribe notes://1'])
    expect(about('resources/unsubscribe', { uri: 'notes://1' })).toEqual(['resources/unsubscribe notes://1'])
    expect(about('tasks/get', { taskId: 't' })).toEqual(['tasks/get t'])
    const argument = { name: 'a', value: 'v' }
    expect(about('completion/complete', { ref: { type: 'ref/prompt', name: 'p' }, argument })).toEqual([
      'completion/complete ref/prompt:p',
    ])
    expect(about('completion/complete', { ref: { type: 'ref/resource', uri: 'n://{x}' }, argument })).toEqual(
      ['completion/complete ref/resource:n://{x}'],
    )
  })

  it('asks about every resource that a stream of 2026-07-28 is to tell of', () => {
    const notifications = { toolsListChanged: true, resourceSubscriptions: ['notes://1', 'notes://2'] }
    expect(about('subscriptions/listen', { notifications })).toEqual([
      'subscriptions/listen',
      'resources/subscribe notes://1',
      'resources/subscribe notes://2',
    ])
    expect(about('subscriptions/listen', {})).toEqual(['subscriptions/listen'])
  })

  it.each(UNREADABLE_REFERENCES)('refuses %s when it does not say what it touches: %j', (method, params) => {
    expect(refusalOf(() => about(method, params))).toMatchObject({ status: 400, code: -32602, id: 1 })
  })

  it('answers any JSON value with questions or a 400', () => {
    const message = fc.record(
      {
        jsonrpc: fc.constantFrom('2.0', '2.0', '1.0', 2),
        id: fc.oneof(fc.integer(), fc.jsonValue()),
        method: fc.oneof(fc.constant('tools/call'), fc.jsonValue()),
        params: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), message, fc.array(message, { maxLength: 5 })), (body) => {
        expect(refusalOf(() => messagesIn(body))?.status ?? 400).toBe(400)
      }),
    )
  })
})
