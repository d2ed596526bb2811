import { parentPort, workerData } from 'node:worker_threads'
import { type BlockRange, connectReader } from './chain-store.ts'
import { type ScanJob, type ScanReply, scanBlocks } from './scan-blocks.ts'

/** A thread of `scanAll`: with a connection of its own it reads the ranges that it is sent, one after the other. */
const job = workerData as ScanJob
const connecting = connectReader(job.url)
// It is awaited with the first range, and may fail before.
connecting.catch(() => {})

parentPort?.on('message', async (range: BlockRange) => {
  parentPort?.postMessage(await reply(range))
})

async function reply(range: BlockRange): Promise<ScanReply> {
  try {
    return { scan: await scanBlocks(await connecting, job, range) }
  } catch (error) {
    // An error that is sent to another thread keeps its message only.
    const { message, code } = error as Error & { code?: unknown }
    return { failure: { message, code } }
  }
}
