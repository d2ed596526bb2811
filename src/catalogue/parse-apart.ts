import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { AppError } from '../base/errors.ts'
import type { Catalogue } from './catalogue.ts'
import { parseCatalogue } from './catalogue-file.ts'

/** Longer than any catalogue within the limits takes on a slow machine. */
const LIMIT_MS = 10_000

type Parsed = ReturnType<typeof parseCatalogue>

const TOO_COSTLY: Parsed = { faults: ['the file takes too long to read; split or shorten it'] }

/**
 * Reads a catalogue in a thread of its own: what somebody sends may be made to take long, and everybody else is answered
 * meanwhile. One at a time; a few wait. Answers as `parseCatalogue` does; throws `unavailable` when more than that wait.
 */
export async function parseApart(text: string): Promise<{ catalogue: Catalogue } | { faults: string[] }> {
  if (waiting >= WAITING_MAX)
    throw new AppError('unavailable', 'Other catalogues are being read. Try again in a few seconds.')
  waiting += 1
  const turn = last
    .then(() => parseInThread(text))
    .finally(() => {
      waiting -= 1
    })
  last = turn
  return turn
}

const WAITING_MAX = 4
let waiting = 0
let last: Promise<unknown> = Promise.resolve()

function parseInThread(text: string): Promise<Parsed> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL(import.meta.url), { resourceLimits: { maxOldGenerationSizeMb: 256 } })
    const settle = (parsed: Parsed) => {
      clearTimeout(limit)
      void worker.terminate()
      resolve(parsed)
    }
    const limit = setTimeout(() => settle(TOO_COSTLY), LIMIT_MS)
    worker.once('message', settle)
    worker.once('error', () => settle(TOO_COSTLY))
    worker.postMessage(text)
  })
}

if (!isMainThread)
  parentPort?.once('message', (text: string) => parentPort?.postMessage(parseCatalogue(text)))
