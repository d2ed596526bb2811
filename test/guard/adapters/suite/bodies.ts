import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { poisonParser } from '../../../support/poisoned-parser.ts'
import { call, escapedCall, headersOf, messagesOf, post } from './messages.ts'
import type { Stage } from './stage.ts'

const LIMIT_BYTES = 4 * 1024 * 1024
const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}'

export function describeBodies(stage: Stage): void {
  it.each([
    ['nothing', '', -32700],
    ['half of a JSON text', '{"method":', -32700],
    ['JSON that is no message', '7', -32600],
    ['an empty batch', '[]', -32600],
    ['a method that is no string', '{"jsonrpc":"2.0","id":1,"method":{}}', -32600],
    ['a call without a name', '{"jsonrpc":"2.0","id":1,"method":"tools/call"}', -32602],
    ['nesting that would overflow a recursive reader', '['.repeat(1e5) + ']'.repeat(1e5), -32600],
    [
      'deep nesting inside a message',
      `{"method":"ping","params":${'{"a":'.repeat(200)}1${'}'.repeat(200)}}`,
      -32600,
    ],
  ])('%s is 400 in the words of JSON-RPC', async (_, body, code) => {
    const response = await post(stage.oauth.url, body)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ jsonrpc: '2.0', error: { code } })
  })

  it('an escaped name is read right, and what was decided runs, whatever the engine met before', async () => {
    const [opened, closed] = [escapedCall('get_note', { id: '1' }), escapedCall('create_note', { id: '1' })]
    poisonParser(opened)
    const answer = await messagesOf(await post(stage.oauth.url, opened))
    expect(answer).toMatchObject([
      { id: 1, result: { content: [{ text: expect.stringContaining('Welcome') }] } },
    ])
    expect((await post(stage.oauth.url, closed)).status).toBe(403)
  })

  it('bytes that are not UTF-8 are 400', async () => {
    const body = Buffer.from(JSON.stringify(call('get_note', 1, { id: 'é' })), 'latin1')
    const response = await fetch(stage.oauth.url, { method: 'POST', headers: headersOf('reader'), body })
    expect(response.status).toBe(400)
  })

  it('a header that disagrees with the body is 400, and nobody is asked', async () => {
    const asked = stage.as.requests.length
    for (const headers of [{ 'mcp-name': 'search_notes' }, { 'mcp-method': 'tools/list' }]) {
      const response = await post(stage.oauth.url, call('get_note'), 'reader', headers)
      expect(response.status).toBe(400)
      expect(await response.json()).toMatchObject({ id: 1, error: { code: -32020 } })
    }
    expect(stage.as.requests.length).toBe(asked)
  })

  it('up to 4 MiB are read, more are 413, announced or not', async () => {
    expect((await post(stage.oauth.url, ping.padEnd(LIMIT_BYTES))).status).not.toBe(413)
    const long = ping.padEnd(LIMIT_BYTES + 10)
    expect((await post(stage.oauth.url, long)).status).toBe(413)
    const init = {
      method: 'POST',
      headers: headersOf('reader'),
      body: new Blob([long]).stream(),
      duplex: 'half',
    }
    expect((await fetch(stage.oauth.url, init as RequestInit)).status).toBe(413)
  })

  it('a client that leaves in the middle of its body disturbs nobody', async () => {
    const { origin, url, errors } = await stage.place({ mode: 'oauth' })
    const { hostname, port, host } = new URL(origin)
    const socket = connect(Number(port), hostname)
    const head = `POST /mcp HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer reader\r\nContent-Length: 9\r\n\r\n{`
    await new Promise((resolve) => socket.write(head, resolve))
    socket.destroy()
    expect((await post(url, call('get_note', 1, { id: '1' }))).status).toBe(200)
    expect(errors).toEqual([])
  })
}
