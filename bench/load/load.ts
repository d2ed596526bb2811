import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Questions } from './questions.ts'

/** What one run of the load generator does. */
export type Load = {
  /** Connections are spread over these in turn. */
  ports: readonly number[]
  /** What the requests name as their host: the issuer's, whichever instance is asked. */
  host: string
  questions: Questions
  /** Every answer must be 200 and hold all of these. */
  expected: readonly string[]
  connections: number
  /** It ends then, or when the questions do. */
  duration_ms: number
  /** Go on after refusals and lost connections, for servers that are killed meanwhile; otherwise they are errors. */
  survives?: true
}

export type LoadResult = {
  answers: number
  seconds: number
  p50_ms: number
  p99_ms: number
  /** Processor time of the generator itself. */
  generator_ms: number
  /** Requests that were sent and got no answer of 200; only under a load that survives that. */
  unanswered: number
  /** The newest refresh token of each family, after a load of refreshes. */
  families?: string[]
  /** The x-request-id of every answer, after a load of identified questions. */
  answered_ids?: string[]
}

export type RunningLoad = { result: Promise<LoadResult>; stop(): void }

const GENERATOR = fileURLToPath(new URL('load-generator.ts', import.meta.url))

/** Runs one load in a fresh process. Throws when an answer was not as expected or a connection failed. */
export function applyLoad(load: Load): Promise<LoadResult> {
  return startLoad(load).result
}

/** The same, to be stopped by the caller. */
export function startLoad(load: Load): RunningLoad {
  const generator = fork(GENERATOR)
  generator.send(load)
  return { result: resultOf(generator), stop: () => void generator.send('stop') }
}

async function resultOf(generator: ChildProcess): Promise<LoadResult> {
  try {
    const [message] = (await once(generator, 'message')) as [{ result?: LoadResult; error?: string }]
    if (!message.result) throw new Error(message.error ?? 'the load generator failed')
    return message.result
  } finally {
    generator.kill()
  }
}
