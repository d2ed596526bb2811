import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Load, LoadResult } from './load-generator.ts'

const GENERATOR = fileURLToPath(new URL('load-generator.ts', import.meta.url))

/** Runs one load in a fresh process. Throws when an answer was not as expected or a connection failed. */
export async function applyLoad(load: Load): Promise<LoadResult> {
  const generator: ChildProcess = fork(GENERATOR)
  try {
    generator.send(load)
    const [message] = (await once(generator, 'message')) as [{ result?: LoadResult; error?: string }]
    if (!message.result) throw new Error(message.error ?? 'the load generator failed')
    return message.result
  } finally {
    generator.kill()
  }
}
