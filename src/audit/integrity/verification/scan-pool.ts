import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Scan } from './chain-pieces.ts'
import { type BlockRange, connectReader } from './chain-store.ts'
import { type ScanJob, type ScanReply, scanBlocks } from './scan-blocks.ts'

type OnScan = (scan: Scan) => void

/** Beside this file, as source or as built. */
const THREAD = new URL(`./scan-thread${extname(import.meta.filename)}`, import.meta.url)

/** Reads all ranges with so many threads; a single one needs no thread. Throws the first failure. */
export async function scanAll(
  job: ScanJob,
  ranges: readonly BlockRange[],
  jobs: number,
  on_scan: OnScan,
): Promise<void> {
  const count = Math.min(jobs, ranges.length)
  const waiting = ranges.values()
  if (count <= 1) return scanHere(job, waiting, on_scan)
  const threads = Array.from({ length: count }, () => new Worker(THREAD, { workerData: job }))
  try {
    await Promise.all(threads.map((thread) => drive(thread, waiting, on_scan)))
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()))
  }
}

async function scanHere(job: ScanJob, ranges: Iterable<BlockRange>, on_scan: OnScan): Promise<void> {
  const client = await connectReader(job.url)
  try {
    for (const range of ranges) on_scan(await scanBlocks(client, job, range))
  } finally {
    await client.end()
  }
}

/** Gives a thread the next range whenever it has read one, until none waits. */
function drive(thread: Worker, waiting: Iterator<BlockRange>, on_scan: OnScan): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = () => {
      const range = waiting.next().value
      if (range) thread.postMessage(range)
      else resolve()
    }
    thread.on('error', reject)
    thread.on('exit', () => reject(new Error('a thread of the verification ended')))
    thread.on('message', (reply: ScanReply) => {
      if ('failure' in reply)
        return reject(Object.assign(new Error(reply.failure.message), { code: reply.failure.code }))
      on_scan(reply.scan)
      next()
    })
    next()
  })
}
