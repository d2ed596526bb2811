import { availableParallelism } from 'node:os'
import type { Knex } from 'knex'
import { connectionUrl } from '../storage/database.ts'
import type { Doubt, PassKnown } from './chain-pieces.ts'
import {
  type ChainReader,
  connectReader,
  copyChain,
  findHeads,
  headBefore,
  listBlockRanges,
  type TimeRange,
  takeSnapshot,
} from './chain-store.ts'
import {
  type ChainFault,
  ChainVerifier,
  FAULTS_KEPT,
  type PassOver,
  predecessorOf,
} from './chain-verifier.ts'
import type { ChainHead } from './hash-chain.ts'
import { headFaults, predecessorFaults } from './known-heads.ts'
import { scanAll } from './scan-pool.ts'
import { ScanSum } from './scan-sum.ts'
import { headOf, uuidOf } from './stored-tuple.ts'

export { type ChainFault, ChainVerifier, type FaultKind } from './chain-verifier.ts'

export type VerifyOptions = TimeRange & {
  /** Threads that read, each with a connection of its own; the number of cores by default. */
  jobs?: number
  /** Rows that must be there, known from outside the database. */
  known_heads?: readonly ChainHead[]
  /** What a chain may lack, because it left the table in order. */
  pass_over?: PassOver
  on_progress?: ((progress: VerifyProgress) => void) | undefined
  /** How much of a partition is read at once; for tests. */
  range_blocks?: number
}

/** `share` of what is to be read, from 0 to 1. */
export type VerifyProgress = { rows: number; share: number }

export type Verification = {
  rows: number
  writers: number
  /** The chains by the time of their first row, each by seq; the first 100. */
  faults: ChainFault[]
  fault_count: number
  /** With `from` or `to`: chains of which a row before that time was taken as it stands. */
  taken_as_given?: number
  /** With `known_heads`: how many. */
  known_heads?: number
}

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
    return await judge(client, sum, options)
  } finally {
    await client.end()
  }
}

/** Says what is wrong, after everything was read once. */
async function judge(client: ChainReader, sum: ScanSum, options: VerifyOptions): Promise<Verification> {
  const is_whole = !options.from && !options.to
  const pass_over = options.pass_over ?? ((head: ChainHead) => head)
  const verifier = new ChainVerifier(pass_over)
  const before = is_whole ? undefined : () => undefined
  for (const doubt of sum.doubts(before, passKnown(pass_over))) await readAgain(client, verifier, doubt)
  const named = sum.notes.flatMap((note) => predecessorOf(note) ?? [])
  const heads = options.known_heads ?? []
  const known = [
    ...predecessorFaults(named, await findHeads(client, named)),
    ...headFaults(heads, await findHeads(client, heads), is_whole),
  ]
  const began = new Map([...sum.began()].map(([writer, at]) => [uuidOf(writer), at]))
  return {
    rows: sum.rows,
    writers: began.size,
    faults: [...verifier.faults, ...known].sort(byPlace(began)).slice(0, FAULTS_KEPT),
    fault_count: verifier.fault_count + known.length,
    ...(!is_whole && { taken_as_given: sum.begunBefore() }),
    ...(options.known_heads && { known_heads: heads.length }),
  }
}

/** The rows of a doubt in their order, after the one before them as it is stored. */
async function readAgain(client: ChainReader, verifier: ChainVerifier, doubt: Doubt): Promise<void> {
  const { from_seq, to_seq } = doubt
  const writer_id = uuidOf(doubt.writer)
  const before = await headBefore(client, writer_id, from_seq)
  if (before) verifier.startAt(before)
  await copyChain(client, { writer_id, from_seq, to_seq }, (bytes, start, end) =>
    verifier.feedTuple(bytes, start, end),
  )
}

function passKnown(pass_over: PassOver): PassKnown {
  return (writer, seq, hash) => {
    const head = pass_over(headOf(writer, seq, hash))
    return { seq: head.seq, hash: head.hash.toString('latin1') }
  }
}

/** A writer without rows comes last. */
function byPlace(began: ReadonlyMap<string, number>): (one: ChainFault, other: ChainFault) => number {
  const at = ({ writer_id }: ChainFault) => began.get(writer_id) ?? Number.POSITIVE_INFINITY
  return (one, other) => {
    if (one.writer_id === other.writer_id) return one.seq - other.seq
    if (at(one) !== at(other)) return at(one) - at(other)
    return one.writer_id < other.writer_id ? -1 : 1
  }
}
