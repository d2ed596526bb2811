import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { ChainHead } from '../../../audit-chain/hash-chain.ts'
import { AppError } from '../../../base/errors.ts'
import { type ExpectedKey, readCheckpoint } from './checkpoint.ts'

/**
 * The rows that the checkpoints of a file name, one JWS a line, each once, the newest checkpoint's first. Throws
 * `invalid_input` that names the first line which is no good checkpoint, or not one of `public_key`.
 */
export async function readCheckpointFile(path: string, expected: ExpectedKey = {}): Promise<ChainHead[]> {
  const named = new Map<string, ChainHead>()
  let number = 0
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    number += 1
    if (line.trim() === '') continue
    const checkpoint = await readCheckpoint(line.trim(), expected).catch((error: Error) => {
      const advice = 'If a crash cut this line short, remove it.'
      throw new AppError('invalid_input', `${path}, line ${number}: ${error.message}. ${advice}`)
    })
    for (const head of checkpoint.heads) {
      const place = `${head.writer_id} ${head.seq} ${head.hash.toString('hex')}`
      named.delete(place)
      named.set(place, head)
    }
  }
  if (number === 0) throw new AppError('invalid_input', `${path} holds no checkpoint`)
  return [...named.values()].reverse()
}
