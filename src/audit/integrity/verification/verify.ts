/** Verification: the whole log is read as it lies, by all cores, and every fault is named at its row. */
import { availableParallelism } from 'node:os'
import type { Knex } from 'knex'
import { connectionUrl } from '../../../storage/database.ts'
import { chainSource, connectReader, listBlockRanges, takeSnapshot } from './chain-store.ts'
import { type JudgeOptions, judgeScans, type Verification } from './judgement.ts'
import { scanAll } from './scan-pool.ts'
import { ScanSum } from './scan-sum.ts'

export {
  type ChainFault,
  ChainVerifier,
  FAULTS_KEPT,
  type FaultKind,
  type PassOver,
  type Predecessor,
} from './chain-verifier.ts'

export type { Verification } from './judgement.ts'

export type VerifyOptions = JudgeOptions & {
  /** Threads that read, each with a connection of its own; the number of cores by default. */
  jobs?: number
  on_progress?: ((progress: VerifyProgress) => void) | undefined
  /** How much of a partition is read at once; for tests. */
  range_blocks?: number
}

/** `share` of what is to be read, from 0 to 1. */
export type VerifyProgress = { rows: number; share: number }

/** 16 MB: some 40,000 rows. */
const RANGE_BLOCKS = 2_048

/**
 * Reads every row, or those of a time, recomputes every hash, and checks that each chain is whole. All that it says
 * is about one moment: what is committed meanwhile is not looked at. Throws when the database cannot be read.
 */
export async function verifyChains(db: Knex, options: VerifyOptions = {}): Promise<Verification> {
  const url = connectionUrl(db)
  const client = await connectReader(url)
  try {
    const snapshot = await takeSnapshot(client)
    const time = { from: options.from, to: options.to }
    const ranges = await listBlockRanges(client, time, options.range_blocks ?? RANGE_BLOCKS)
    const sum = new ScanSum()
    let done = 0
    await scanAll({ url, snapshot, time }, ranges, options.jobs ?? availableParallelism(), (scan) => {
      sum.add(scan)
      done += 1
      options.on_progress?.({ rows: sum.rows, share: done / ranges.length })
    })
    return await judgeScans(chainSource(client), sum, options)
  } finally {
    await client.end()
  }
}
