import { describe, expect, it } from 'vitest'
import type { Exchange } from '../../../src/doctor/crawl/exchange.ts'
import {
  listTools,
  rpcAnswer,
  statelessHeaders,
  statelessRequest,
} from '../../../src/doctor/crawl/mcp-session.ts'

function answered(text: string, type: string): Exchange {
  const headers = new Headers({ 'content-type': type })
  const json = type === 'application/json' ? JSON.parse(text) : undefined
  return { outcome: 'answered', method: 'POST', url: '', status: 200, headers, text, json }
}

const message = (id: number, more: object) => JSON.stringify({ jsonrpc: '2.0', id, ...more })

describe('the answer to a request is found', () => {
  it('in JSON', () => {
    const answer = answered(message(7, { result: { a: 1 } }), 'application/json')
    expect(rpcAnswer(answer, 7)).toEqual({ kind: 'result', result: { a: 1 } })
    expect(rpcAnswer(answer, 8)).toEqual({ kind: 'none' })
  })

  it('in an event stream, behind other events', () => {
    const stream = `: hello\n\ndata: {"method":"x"}\n\nid: 1\r\ndata: ${message(7, { result: {} })}\r\n\r\n`
    expect(rpcAnswer(answered(stream, 'text/event-stream; charset=utf-8'), 7)).toEqual({
      kind: 'result',
      result: {},
    })
  })

  it('when it is an error without an id', () => {
    const text = '{"jsonrpc":"2.0","id":null,"error":{"code":-32020,"message":"no"}}'
    expect(rpcAnswer(answered(text, 'application/json'), 7)).toEqual({
      kind: 'error',
      code: -32020,
      message: 'no',
    })
  })
})

it('an error that is nested too deeply to be shown is no answer', () => {
  const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  const stream = `data: {"id":7,"error":{"code":1,"message":${nested}}}\n\n`
  expect(rpcAnswer(answered(stream, 'text/event-stream'), 7)).toEqual({ kind: 'none' })
})

it('a list that never ends is read for a while', async () => {
  let pages = 0
  const { tools } = await listTools(async () => {
    pages += 1
    const result = { tools: [{ name: `tool-${pages}` }], nextCursor: 'more' }
    return { response: answered('{}', 'application/json'), rpc: { kind: 'result', result } }
  })
  expect(tools?.length).toBe(pages)
  expect(pages).toBe(20)
})

it('a name beyond ASCII travels encoded beside its body', () => {
  const headers = statelessHeaders(statelessRequest('tools/call', { name: 'größe', arguments: {} }))
  expect(headers['mcp-method']).toBe('tools/call')
  expect(headers['mcp-name']).toBe(`=?base64?${Buffer.from('größe').toString('base64')}?=`)
})
