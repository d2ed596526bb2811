import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  appendCheckpoint,
  CheckpointSink,
  type Deliver,
  deliveryTo,
} from '../../../../src/audit/integrity/checkpoints/checkpoint-sinks.ts'

const never = new AbortController().signal

describe('a file', () => {
  const directory = mkdtempSync(join(tmpdir(), 'toolgate-sinks-'))

  it('gets one line for each checkpoint', async () => {
    const path = join(directory, 'checkpoints')
    const { deliver } = deliveryTo(`file:${path}`)
    for (const jws of ['a.b.c', 'd.e.f']) await deliver(jws, never)
    expect(readFileSync(path, 'utf8')).toBe('a.b.c\nd.e.f\n')
  })

  it('has only one bad line after a crash in the middle of one', async () => {
    const path = join(directory, 'torn')
    writeFileSync(path, 'a.b.c\nd.e')
    await appendCheckpoint(path, 'g.h.i')
    expect(readFileSync(path, 'utf8').split('\n')).toEqual(['a.b.c', 'd.e', 'g.h.i', ''])
  })
})

describe('a webhook', () => {
  async function listening(
    answer: (request: IncomingMessage, body: string, response: ServerResponse) => void,
  ) {
    const server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      answer(request, body, response)
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/secret-path`
    return { url, close: () => new Promise((resolve) => server.close(resolve)) }
  }

  it('gets the checkpoint as the body of a POST', async () => {
    const got: unknown[] = []
    const hook = await listening((request, body, response) => {
      got.push([request.method, request.headers['content-type'], body])
      response.writeHead(204).end()
    })
    const { name, deliver } = deliveryTo(hook.url)
    await deliver('a.b.c', never)
    expect(got).toEqual([['POST', 'application/jose', 'a.b.c']])
    expect(name).not.toContain('secret')
    await hook.close()
  })

  it('has not taken it when it answers anything but 2xx, a redirect included', async () => {
    const hook = await listening((_, __, response) => response.writeHead(302, { location: '/' }).end())
    await expect(deliveryTo(hook.url).deliver('a.b.c', never)).rejects.toThrow('302')
    await hook.close()
  })
})

describe('a sink', () => {
  function sinkOver(deliver: Deliver) {
    const said: string[] = []
    const sink = new CheckpointSink(
      { name: 'place', deliver },
      {
        onOutage: (name, error) => void said.push(`${name} fails: ${error.message}`),
        onRecovery: (_, { failures, dropped }) => void said.push(`after ${failures}, without ${dropped}`),
      },
      { first: 0, most: 0 },
    )
    return { sink, said }
  }

  it('tries again until it is taken, in order, and says so once for each outage', async () => {
    const taken: string[] = []
    let refusals = 3
    const { sink, said } = sinkOver(async (jws) => {
      if (refusals-- > 0) throw new Error('no')
      taken.push(jws)
    })
    for (const jws of ['1', '2', '3']) sink.push(jws)
    expect(await sink.close(60_000)).toBe(0)
    expect(taken).toEqual(['1', '2', '3'])
    expect(said).toEqual(['place fails: no', 'after 3, without 0'])
  })

  it('drops the oldest when more waits than it holds', async () => {
    const taken: string[] = []
    const gate = Promise.withResolvers<void>()
    const { sink } = sinkOver(async (jws) => {
      await gate.promise
      taken.push(jws)
    })
    for (let index = 0; index <= 1_200; index++) sink.push(String(index))
    gate.resolve()
    await sink.close(60_000)
    expect([taken.length, taken.at(-1)]).toEqual([1_001, '1200'])
  })

  it('gives up at the end, and answers how many are left', async () => {
    const { sink } = sinkOver(async (_, signal) => {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('ended'))))
    })
    sink.push('1')
    sink.push('2')
    expect(await sink.close(1)).toBe(2)
  })
})
