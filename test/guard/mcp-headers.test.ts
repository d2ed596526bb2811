import { describe, expect, it } from 'vitest'
import { requireHeadersToAgree } from '../../src/guard/mcp-headers.ts'
import { messagesIn } from '../../src/guard/mcp-messages.ts'
import { Refusal } from '../../src/guard/refusal.ts'
import { call, refusalOf } from './tool-call.ts'

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
