import { setTimeout as delay } from 'node:timers/promises'
import { converse } from './conversation.ts'
import type { Load, LoadResult } from './load.ts'
import { askerOf } from './questions.ts'

/**
 * The load generator: a process of its own that keeps one request under way on each of its connections and checks
 * every answer.
 */
const RECONNECT_MS = 20

const stopped = new AbortController()

process.on('message', (message: Load | 'stop') => {
  if (message === 'stop') return stopped.abort()
  run(message).then(
    (result) => process.send?.({ result }),
    (error: Error) => process.send?.({ error: error.message }),
  )
})

async function run(load: Load): Promise<LoadResult> {
  const asker = askerOf(load.questions, load.host, load.connections)
  const latencies_ms: number[] = []
  const cpu = process.cpuUsage()
  const started_ms = performance.now()
  const ends_ms = started_ms + load.duration_ms
  const isOver = () => stopped.signal.aborted || performance.now() >= ends_ms
  let asked = 0

  const hold = async (connection: number) => {
    const port = load.ports[connection % load.ports.length] ?? 0
    const next = () => {
      const request = isOver() ? undefined : asker.next(connection)
      if (request) asked += 1
      return request
    }
    const answered = (answer: string, latency_ms: number) => {
      if (!isExpected(answer, load.expected)) throw new Error(`an unexpected answer: ${answer}`)
      latencies_ms.push(latency_ms)
      asker.answered(connection, answer)
    }
    for (;;) {
      const conversation = converse(port, { next, answered })
      if (!load.survives) return conversation
      const ended = await conversation.then(
        () => true,
        () => isOver(),
      )
      if (ended) return
      await delay(RECONNECT_MS)
    }
  }
  await Promise.all(Array.from({ length: load.connections }, (_, connection) => hold(connection)))

  const seconds = (performance.now() - started_ms) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const answers = latencies_ms.length
  latencies_ms.sort((a, b) => a - b)
  const at = (share: number) => latencies_ms[Math.floor(answers * share)] ?? Number.NaN
  const measured = { answers, seconds, p50_ms: at(0.5), p99_ms: at(0.99) }
  return {
    ...measured,
    generator_ms: (user + system) / 1000,
    unanswered: asked - answers,
    ...asker.outcome(),
  }
}

function isExpected(answer: string, expected: readonly string[]): boolean {
  return answer.startsWith('HTTP/1.1 200 ') && expected.every((text) => answer.includes(text))
}
