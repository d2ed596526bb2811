import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Derivation } from './scrypt-worker.ts'

/**
 * Scrypt (RFC 7914) in threads of its own. Node's own four are those of DNS, files and the handshakes of new connections to
 * Postgres: as long as passwords were hashed there, a line of sign-ins made the server not ready. One core is left to all else.
 */
export const SCRYPT_THREADS = Math.max(1, Math.min(4, availableParallelism() - 1))

type Job = { derivation: Derivation; resolve(key: Buffer): void; reject(error: Error): void }

/** As this file is: TypeScript in the repository, JavaScript in the package. */
const WORKER = new URL(`./scrypt-worker${extname(import.meta.url)}`, import.meta.url)

const waiting: Job[] = []
const idle: Worker[] = []
let threads = 0

/** The derived key. It waits for its turn as long as it takes: who bounds the line is src/sign-in/sign-in.ts. */
export function deriveKey(derivation: Derivation): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    waiting.push({ derivation, resolve, reject })
    const worker = idle.pop() ?? (threads < SCRYPT_THREADS ? startThread() : undefined)
    if (worker) workOn(worker)
  })
}

function startThread(): Worker {
  threads += 1
  const worker = new Worker(WORKER)
  worker.once('exit', () => {
    threads -= 1
    const index = idle.indexOf(worker)
    if (index >= 0) idle.splice(index, 1)
  })
  return worker
}

/** Gives the thread what waits longest. Only a thread that works keeps the process alive. */
function workOn(worker: Worker): void {
  const job = waiting.shift()
  if (!job) {
    worker.unref()
    idle.push(worker)
    return
  }
  const failed = (error: Error) => {
    job.reject(error)
    worker.removeAllListeners('message')
    const next = waiting.length > 0 ? startThread() : undefined
    if (next) workOn(next)
  }
  worker.ref()
  worker.once('error', failed)
  worker.once('message', (key: Uint8Array) => {
    worker.off('error', failed)
    job.resolve(Buffer.from(key))
    workOn(worker)
  })
  worker.postMessage(job.derivation)
}
