import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import Koa from 'koa'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { eventText, periodicCheck, sendEvents, sendPieces } from '../../src/http/long-answer.ts'

let koa: Koa
let server: Server
let url: string
beforeEach(async () => {
  koa = new Koa()
  koa.silent = true
  server = createServer((request, response) => koa.callback()(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

async function* of(...texts: string[]) {
  yield* texts
}

describe('a long answer', () => {
  it('is its pieces in order, is kept by no cache, and says once that it is over', async () => {
    const onGone = vi.fn()
    koa.use((ctx) => sendPieces(ctx, of('a', 'b', 'c'), onGone))
    const response = await fetch(url)
    expect([await response.text(), response.headers.get('cache-control')]).toEqual(['abc', 'no-store'])
    await vi.waitFor(() => expect(onGone).toHaveBeenCalledTimes(1))
  })

  it('is broken off when a piece cannot be made', async () => {
    async function* pieces() {
      yield 'a'
      throw new Error('no more')
    }
    koa.use((ctx) => sendPieces(ctx, pieces(), () => {}))
    await expect(fetch(url).then((response) => response.text())).rejects.toThrow()
  })

  it('is over at once for a connection that is gone already', async () => {
    const onGone = vi.fn()
    koa.use(async (ctx) => {
      ctx.req.socket.destroy()
      await once(ctx.res, 'close')
      sendPieces(ctx, of('a'), onGone)
    })
    await expect(fetch(url)).rejects.toThrow()
    expect(onGone).toHaveBeenCalledTimes(1)
  })

  it('of events says at once that it is connected', async () => {
    koa.use((ctx) => sendEvents(ctx, of(eventText({ event: 'x', id: '1', data: { a: 1 } })), () => {}))
    const response = await fetch(url)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(response.headers.get('x-accel-buffering')).toBe('no')
    expect(await response.text()).toBe(': connected\n\nevent: x\nid: 1\ndata: {"a":1}\n\n')
  })
})

describe('a periodic check', () => {
  it('asks no sooner than it shall, or when it is told to', async () => {
    const isStillAuthorized = vi.fn(async () => true)
    const check = periodicCheck({ isStillAuthorized })
    expect(await check.passes()).toBe(true)
    expect(isStillAuthorized).toHaveBeenCalledTimes(0)
    expect(await check.passes(true)).toBe(true)
    expect(isStillAuthorized).toHaveBeenCalledTimes(1)
    expect(await periodicCheck({ isStillAuthorized: async () => false, check_ms: 0 }).passes()).toBe(false)
  })
})
