import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { messagesIn, requireHeadersToAgree } from '../../src/resource-server/mcp-messages.ts'
import { Refusal } from '../../src/resource-server/refusal.ts'

const call = (name: unknown, id: unknown = 1) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name },
})

function refusalOf(run: () => unknown): { status: number; code: unknown; id: unknown } | undefined {
  try {
    run()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const body = error.answer.body as { error: { code: number }; id: unknown }
    return { status: error.answer.status, code: body.error.code, id: body.id }
  }
  return undefined
}

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

  it.each([
    ['is missing', undefined],
    ['is a list', ['get_note']],
    ['is empty', ''],
    ['has a control character', 'get_note\0'],
    ['has a lone surrogate', 'get_note\ud800'],
    ['is too long to ask about', 'n'.repeat(1025)],
  ])('refuses a tool call whose name %s', (_, name) => {
    expect(refusalOf(() => messagesIn(call(name, 'x')))).toEqual({ status: 400, code: -32602, id: 'x' })
  })

  it.each([
    ['names it again in another case', { name: 'get_note', Name: 'delete_note' }],
    ['names it only in another case', { NAME: 'delete_note' }],
    ['names it in another style', { name: 'get_note', _name: 'delete_note' }],
    ['has a member beyond ASCII', { name: 'get_note', 'n\u0430me': 'delete_note' }],
    ['takes it from a prototype', Object.create({ name: 'get_note' })],
  ])('refuses a tool call that %s', (_, params) => {
    const body = { jsonrpc: '2.0', id: 'x', method: 'tools/call', params }
    expect(refusalOf(() => messagesIn(body))).toEqual({ status: 400, code: -32602, id: 'x' })
  })

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

  it.each([
    ['completion/complete', {}],
    ['completion/complete', { ref: { type: 'ref/tool', name: 'x' } }],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'x', uri: 'notes://1' } }],
    ['completion/complete', { ref: { type: 'ref/prompt', Name: 'x', name: 'y' } }],
    ['subscriptions/listen', { notifications: { resourceSubscriptions: 'notes://1' } }],
    ['subscriptions/listen', { notifications: { resourceSubscriptions: [7] } }],
    ['subscriptions/listen', { notifications: { ResourceSubscriptions: ['notes://1'] } }],
  ])('refuses %s when it does not say what it touches: %j', (method, params) => {
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

describe('requireHeadersToAgree', () => {
  const agree = (headers: Record<string, string>, body: unknown) =>
    refusalOf(() => {
      messagesIn(body)
      requireHeadersToAgree(new Headers(headers), body)
    })

  it('accepts absent headers, as older clients send none', () => {
    expect(agree({}, call('get_note'))).toBeUndefined()
  })

  it('accepts headers that say what the body says', () => {
    expect(agree({ 'mcp-method': 'tools/call', 'mcp-name': 'get_note' }, call('get_note'))).toBeUndefined()
  })

  it('compares a name beyond ASCII by its Base64 form', () => {
    const encoded = `=?base64?${Buffer.from('größe').toString('base64')}?=`
    expect(agree({ 'mcp-name': encoded }, call('größe'))).toBeUndefined()
    expect(agree({ 'mcp-name': encoded }, call('grösse'))).toMatchObject({ status: 400, code: -32020 })
    expect(agree({ 'mcp-name': '=?base64?*?=' }, call('größe'))).toMatchObject({ status: 400, code: -32020 })
  })

  it.each([
    ['another method', { 'mcp-method': 'tools/list' }, call('get_note')],
    ['another tool', { 'mcp-name': 'delete_note' }, call('get_note')],
    ['a tool that differs in case', { 'mcp-name': 'Get_note' }, call('get_note')],
    ['one message of a batch', { 'mcp-name': 'a' }, [call('a'), call('b')]],
    ['no body at all', { 'mcp-method': 'tools/list' }, undefined],
  ])('refuses headers that name %s', (_, headers, body) => {
    expect(agree(headers as Record<string, string>, body)).toMatchObject({ status: 400, code: -32020 })
  })

  it('refuses a body that is not read, and that whoever is behind the guard could read', () => {
    expect(agree({ 'content-length': '0' }, undefined)).toBeUndefined()
    expect(agree({ 'content-length': '9' }, undefined)).toMatchObject({ status: 400, code: -32600 })
    expect(agree({ 'content-length': 'x' }, undefined)).toMatchObject({ status: 400, code: -32600 })
    expect(agree({ 'transfer-encoding': 'chunked' }, undefined)).toMatchObject({ status: 400 })
  })

  const REVISION = 'io.modelcontextprotocol/protocolVersion'
  const since_2026 = (headers: Record<string, string> = {}, claimed: unknown = '2026-07-28') => {
    const sent = {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'a',
      ...headers,
    }
    const kept = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== ''))
    const params = { name: 'a', ...(claimed === undefined ? {} : { _meta: { [REVISION]: claimed } }) }
    return agree(kept, { ...call('a'), params })
  }

  it('accepts what 2026-07-28 asks for', () => {
    expect(since_2026()).toBeUndefined()
  })

  it.each([
    ['the revision in no header', { 'mcp-protocol-version': '' }],
    ['another revision', { 'mcp-protocol-version': '2025-11-25' }],
    ['a later revision', { 'mcp-protocol-version': '2027-01-01' }],
    ['the revision twice', { 'mcp-protocol-version': '2026-07-28, 2026-07-28' }],
    ['no method', { 'mcp-method': '' }],
    ['the method twice', { 'mcp-method': 'tools/call, tools/call' }],
    ['no name', { 'mcp-name': '' }],
    ['the name twice', { 'mcp-name': 'a, a' }],
    ['another name', { 'mcp-name': 'b' }],
    ['a name in Base64 without its padding', { 'mcp-name': '=?base64?YQ?=' }],
  ])('refuses a request of 2026-07-28 whose headers name %s', (_, headers) => {
    expect(since_2026(headers)).toMatchObject({ status: 400, code: -32020, id: 1 })
  })

  it('refuses a request of 2026-07-28 that says its revision in the header only', () => {
    expect(agree({ 'mcp-protocol-version': '2026-07-28' }, call('a'))).toMatchObject({ code: -32602 })
  })

  it('compares the name that a task has', () => {
    const body = { jsonrpc: '2.0', id: 1, method: 'tasks/get', params: { taskId: 't' } }
    expect(agree({ 'mcp-name': 't' }, body)).toBeUndefined()
    expect(agree({ 'mcp-name': 'other' }, body)).toMatchObject({ code: -32020 })
  })

  it.each([
    [undefined, true],
    ['2024-11-05', true],
    ['2025-03-26', true],
    ['2025-06-18', false],
    ['2025-11-25', false],
    ['2026-07-28', false],
    ['anything', false],
  ])('a batch under revision %s: %s', (revision, is_known) => {
    const headers: Record<string, string> = revision === undefined ? {} : { 'mcp-protocol-version': revision }
    expect(agree(headers, [call('a'), call('b')]) === undefined).toBe(is_known)
  })

  it('refuses a body that says it is no JSON, or in another charset', () => {
    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'Application/JSON;charset="UTF-8"',
    ])
      expect(agree({ 'content-type': type }, call('a'))).toBeUndefined()
    for (const type of [
      'application/x-www-form-urlencoded',
      'application/json; charset=utf-7',
      'application/json, text/plain',
      '',
    ])
      expect(() => requireHeadersToAgree(new Headers({ 'content-type': type }), call('a'))).toThrow(Refusal)
    expect(agree({ 'content-type': 'text/html' }, undefined)).toBeUndefined()
  })
})
