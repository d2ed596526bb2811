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
    const read = { id: 2, method: 'resources/read', params: { uri: 'notes://1', name: 'x' } }
    expect(messagesIn(read)).toEqual([{ id: 2, mcp_method: 'resources/read', mcp_name: 'notes://1' }])
    const prompt = { id: 3, method: 'prompts/get', params: { name: 'p' } }
    expect(messagesIn(prompt)).toEqual([{ id: 3, mcp_method: 'prompts/get', mcp_name: 'p' }])
  })

  it('asks by the method alone for everything else, and by nothing for a response or no body', () => {
    expect(messagesIn({ method: 'notifications/initialized', params: { name: 'x' } })).toEqual([
      { id: undefined, mcp_method: 'notifications/initialized' },
    ])
    expect(messagesIn({ id: 1, result: {} })).toEqual([{ id: 1 }])
    expect(messagesIn(undefined)).toEqual([{}])
  })

  it('asks about every message of a batch', () => {
    expect(messagesIn([call('a', 1), { id: 2, method: 'ping' }])).toHaveLength(2)
  })

  it('does not take a method from the prototype of a table', () => {
    expect(messagesIn({ id: 1, method: 'constructor' })).toEqual([{ id: 1, mcp_method: 'constructor' }])
  })

  it.each([
    ['a string', 'tools/call'],
    ['null', null],
    ['an empty batch', []],
    ['a batch in a batch', [[call('a')]]],
    ['a batch too large to ask about', Array.from({ length: 51 }, () => call('a'))],
    ['a method that is no string', { id: 7, method: 7 }],
    ['a method too long to ask about', { id: 7, method: 'm'.repeat(129) }],
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

  it('answers any JSON value with questions or a 400', () => {
    const message = fc.record(
      {
        id: fc.jsonValue(),
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
    refusalOf(() => requireHeadersToAgree(new Headers(headers), messagesIn(body)))

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
})
