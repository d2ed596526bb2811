/** Verification: every row is read in the order of its chain and hashed, and every fault is named at its row. */
import type { Knex } from 'knex'
import type { ChainHead } from '../../../audit-chain/hash-chain.ts'
import { connectionUrl } from '../../../storage/database.ts'
import {
  type ChainInTime,
  type ChainReader,
  chainsInTime,
  copyChains,
  copyLog,
  estimateRows,
  findHeads,
  openReader,
  type TimeRange,
} from './chain-store.ts'
import { type ChainFault, ChainVerifier, FAULTS_KEPT, type PassOver } from './chain-verifier.ts'
import { type KnownOptions, knownFaults } from './known-heads.ts'

export type VerifyOptions = TimeRange &
  KnownOptions & {
    /** What a chain may lack, because it left the table in order. */
    pass_over?: PassOver
    on_progress?: ((progress: VerifyProgress) => void) | undefined
  }

/** `share` of what is to be read, from 0 to 1: a guess until it is 1. */
export type VerifyProgress = { rows: number; share: number }

export type Verification = {
  rows: number
  writers: number
  /** Of the first 100 found, the oldest first. */
  faults: ChainFault[]
  fault_count: number
  /** With `from` or `to`: chains of which a row before that time was taken as it stands. */
  taken_as_given?: number
  /** With `known_heads`: how many. */
  known_heads?: number
  /** Rows that are gone and of which the log says so: an operator accepted a restored backup. */
  explained_gaps?: { writer_id: string; first_seq: number; last_seq: number; hash: string }[]
}

const PROGRESS_ROWS = 2_000

/**
 * Reads every row, or those of a time, recomputes every hash, and checks that each chain is whole. All that it says
 * is about one moment: what is committed meanwhile is not looked at. Throws when the database cannot be read.
 */
export async function verifyChains(db: Knex, options: VerifyOptions = {}): Promise<Verification> {
  const reader = await openReader(connectionUrl(db))
  try {
    const verifier = new ChainVerifier(options.pass_over)
    const is_whole = !options.from && !options.to
    const chains = is_whole ? undefined : await chainsInTime(reader, options)
    await readRows(reader, verifier, chains, options)
    const find = (heads: readonly ChainHead[]) => findHeads(reader, heads)
    const known = await knownFaults(verifier.predecessors, find, options, !is_whole)
    return {
      rows: verifier.rows,
      writers: verifier.writers,
      faults: [...verifier.faults, ...known].sort(byTime).slice(0, FAULTS_KEPT),
      fault_count: verifier.fault_count + known.length,
      ...(chains && { taken_as_given: chains.filter(({ first_seq }) => first_seq > 1n).length }),
      ...(options.known_heads && { known_heads: options.known_heads.length }),
    }
  } finally {
    await reader.end()
  }
}

/** Without `chains`, the whole log. */
async function readRows(
  reader: ChainReader,
  verifier: ChainVerifier,
  chains: readonly ChainInTime[] | undefined,
  { on_progress }: VerifyOptions,
): Promise<void> {
  for (const { before } of chains ?? []) if (before) verifier.startAt(before)
  const expected = chains
    ? chains.reduce((sum, { first_seq, last_seq }) => sum + Number(last_seq - first_seq) + 1, 0)
    : await estimateRows(reader)
  const take = (tuple: Buffer) => {
    verifier.feed(tuple)
    const { rows } = verifier
    if (rows % PROGRESS_ROWS === 0) on_progress?.({ rows, share: rows / Math.max(expected, rows + 1) })
  }
  await (chains ? copyChains(reader, chains, take) : copyLog(reader, take))
  on_progress?.({ rows: verifier.rows, share: 1 })
}

/** Those that show in no row come last. */
function byTime(one: ChainFault, other: ChainFault): number {
  const [before, after] = [one.occurred_at ?? 'never', other.occurred_at ?? 'never']
  if (before !== after) return before < after ? -1 : 1
  return one.writer_id === other.writer_id ? one.seq - other.seq : one.writer_id < other.writer_id ? -1 : 1
}
