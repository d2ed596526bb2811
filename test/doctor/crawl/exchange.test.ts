import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type Exchange, exchange, sendFrom } from '../../../src/doctor/crawl/exchange.ts'
import { freePort } from '../../support/free-port.ts'

const open: { close(): void; closeAllConnections(): void }[] = []
afterEach(() => {
  for (const http of open.splice(0)) {
    http.closeAllConnections()
    http.close()
  }
})

async function answering(listener: RequestListener): Promise<string> {
  const http = createServer(listener)
  open.push(http)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}/`
}

const kindOf = (made: Exchange) => (made.outcome === 'failed' ? made.kind : made.status)

describe('exchange', () => {
  it('gives what was answered, and follows no redirect', async () => {
    const url = await answering((_, response) => response.writeHead(302, { location: '/b' }).end('{"a":1}'))
    expect(await exchange(url)).toMatchObject({ outcome: 'answered', status: 302, json: { a: 1 } })
  })

  it('gives text that is no JSON as text', async () => {
    const url = await answering((_, response) => response.end('<html>'))
    expect(await exchange(url)).toMatchObject({ text: '<html>', json: undefined })
  })

  it('stops reading a stream that stays open when it has the answer', async () => {
    const url = await answering((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(': wait\n\nevent: message\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n')
    })
    const made = await exchange(url, { timeout_ms: 60_000 })
    expect(made).toMatchObject({ outcome: 'answered', text: expect.stringContaining('"result"') })
  })

  it('gives the head, and what had come, of an answer that does not end', async () => {
    const url = await answering((_, response) => {
      response.writeHead(401, { 'www-authenticate': 'Bearer' })
      response.write('half')
    })
    expect(await exchange(url, { timeout_ms: 2_000 })).toMatchObject({ status: 401, text: 'half' })
  })

  it('says how it failed', async () => {
    const huge = await answering((_, response) => response.end('x'.repeat(2 * 1024 * 1024)))
    const silent = await answering(() => {})
    expect(kindOf(await exchange(huge))).toBe('too_large')
    expect(kindOf(await exchange(silent, { timeout_ms: 300 }))).toBe('no_answer')
    expect(kindOf(await exchange(`http://127.0.0.1:${await freePort()}/`))).toBe('connection_refused')
    expect(kindOf(await exchange('http://nobody.invalid/'))).toBe('name_not_found')
    expect(kindOf(await exchange('no url'))).toBe('connection_failed')
  })
})

it('a public server does not lead to this machine or network, by any method', async () => {
  let asked = 0
  const local = await answering((_, response) => {
    asked += 1
    response.end('{}')
  })
  const send = sendFrom('https://mcp.example/mcp')
  expect(await send(local, { method: 'POST', body: '{}' })).toMatchObject({
    outcome: 'failed',
    reason: expect.stringContaining('named by a server that is elsewhere'),
  })
  expect(asked).toBe(0)
  expect(await sendFrom(local)(local)).toMatchObject({ outcome: 'answered', json: {} })
})

it('an answer under another name that does not end is given as far as it came', async () => {
  const url = await answering((_, response) => {
    response.writeHead(200)
    response.write('half')
  })
  const made = await exchange(url, { host: 'other.invalid', timeout_ms: 300 })
  expect(made).toMatchObject({ status: 200, text: 'half' })
  expect(kindOf(await exchange(`http://127.0.0.1:${await freePort()}/`, { host: 'other.invalid' }))).toBe(
    'connection_refused',
  )
})

it('another name goes into the Host header where one is asked for', async () => {
  const url = await answering(({ headers, method }, response) =>
    response.end(JSON.stringify([headers.host, method])),
  )
  expect(await exchange(url, { method: 'POST', host: 'other.invalid' })).toMatchObject({
    json: ['other.invalid', 'POST'],
  })
})
