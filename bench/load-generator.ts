import { connect, type Socket } from 'node:net'

/**
 * The load generator: a process of its own that keeps one request under way on each of its connections and checks
 * every answer. Requests are bytes made beforehand and answers are split by Content-Length alone, because a
 * generator that takes as much processor time as the server measures itself.
 */
export type Load = {
  port: number
  path: string
  authorization: string
  bodies: string[]
  connections: number
  duration_ms: number
  /** Every answer must be 200 and hold all of these. */
  expected: string[]
}

export type LoadResult = { answers: number; seconds: number; p50_ms: number; p99_ms: number }

process.on('message', (load: Load) => {
  run(load).then(
    (result) => process.send?.({ result }),
    (error: Error) => process.send?.({ error: error.message }),
  )
})

async function run(load: Load): Promise<LoadResult> {
  const requests = load.bodies.map((body) => requestBytes(load, body))
  const expected = load.expected.map((text) => Buffer.from(text))
  const latencies_ms: number[] = []
  const started_ms = performance.now()
  const ends_ms = started_ms + load.duration_ms
  let next = Math.floor(Math.random() * requests.length)
  const nextRequest = () => {
    next = (next + 1) % requests.length
    return performance.now() < ends_ms ? requests[next] : undefined
  }
  await Promise.all(
    Array.from({ length: load.connections }, () => ask(load.port, nextRequest, expected, latencies_ms)),
  )
  const seconds = (performance.now() - started_ms) / 1000
  latencies_ms.sort((a, b) => a - b)
  const at = (share: number) => latencies_ms[Math.floor(latencies_ms.length * share)] ?? Number.NaN
  return { answers: latencies_ms.length, seconds, p50_ms: at(0.5), p99_ms: at(0.99) }
}

function requestBytes({ path, port, authorization }: Load, body: string): Buffer {
  return Buffer.from(
    [
      `POST ${path} HTTP/1.1`,
      `Host: localhost:${port}`,
      `Authorization: ${authorization}`,
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Accept: application/json',
      '',
      body,
    ].join('\r\n'),
  )
}

/** One connection, until there is no next request and the last answer has come. */
function ask(
  port: number,
  nextRequest: () => Buffer | undefined,
  expected: Buffer[],
  latencies_ms: number[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect(port, '127.0.0.1')
    let pending = Buffer.alloc(0)
    let sent_ms = 0
    const send = () => {
      const request = nextRequest()
      if (!request) return socket.end(resolve)
      sent_ms = performance.now()
      socket.write(request)
    }
    socket.setNoDelay(true).on('error', reject).on('connect', send)
    socket.on('close', () => reject(new Error('the server closed a connection')))
    socket.on('data', (chunk) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
      if (pending.length < answerLength(pending)) return
      latencies_ms.push(performance.now() - sent_ms)
      const answer = pending
      pending = Buffer.alloc(0)
      if (isExpected(answer, expected)) send()
      else socket.destroy(new Error(`an unexpected answer: ${answer.toString()}`))
    })
  })
}

const HEAD_END = '\r\n\r\n'

function answerLength(bytes: Buffer): number {
  const head_end = bytes.indexOf(HEAD_END)
  if (head_end < 0) return Number.POSITIVE_INFINITY
  const head = bytes.toString('latin1', 0, head_end)
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  if (length === undefined) throw new Error(`an answer without Content-Length: ${head}`)
  return head_end + HEAD_END.length + Number(length)
}

function isExpected(answer: Buffer, expected: Buffer[]): boolean {
  return (
    answer.toString('latin1', 0, 13) === 'HTTP/1.1 200 ' && expected.every((text) => answer.includes(text))
  )
}
