import { z } from 'zod'
import { type ChainHead, GENESIS } from '../../../audit-chain/hash-chain.ts'
import { hexHash, lowerUuid, rowNumber } from './chain-codecs.ts'
import type { ChainFault, FaultKind } from './chain-verifier.ts'

/** Pure: what is known of a piece of a chain without its rows. */

/** Rows of one writer without a gap: the hash that its first row follows, and the hash of its last. */
export type ChainRun = {
  writer_id: string
  first_seq: number
  prev_hash: Buffer
  last_seq: number
  hash: Buffer
}

/** The runs of each writer, in the order of their seq. */
export type KnownRuns = ReadonlyMap<string, readonly ChainRun[]>

/** A run as JSON: hashes in hex. */
export const chainRunSchema = z
  .strictObject({
    writer_id: lowerUuid,
    first_seq: rowNumber,
    prev_hash: hexHash,
    last_seq: rowNumber,
    hash: hexHash,
  })
  .refine(({ first_seq, last_seq }) => first_seq <= last_seq, 'a run ends before it begins')

/** Sorted by writer and seq, runs that follow from one another joined. */
export function joinRuns(runs: readonly ChainRun[]): ChainRun[] {
  const joined: ChainRun[] = []
  for (const run of runs.toSorted(byPlace)) {
    const last = joined.at(-1)
    const follows = last?.writer_id === run.writer_id && last.last_seq + 1 === run.first_seq
    if (follows && last.hash.equals(run.prev_hash))
      joined[joined.length - 1] = { ...last, last_seq: run.last_seq, hash: run.hash }
    else joined.push(run)
  }
  return joined
}

function byPlace(one: ChainRun, other: ChainRun): number {
  if (one.writer_id !== other.writer_id) return one.writer_id < other.writer_id ? -1 : 1
  return one.first_seq - other.first_seq
}

export function sameRuns(some: readonly ChainRun[], others: readonly ChainRun[]): boolean {
  const text = (runs: readonly ChainRun[]) => JSON.stringify(z.encode(z.array(chainRunSchema), [...runs]))
  return text(some) === text(others)
}

/** Runs for verification to go on from, joined where they follow from one another. */
export function knownRuns(runs: readonly ChainRun[]): KnownRuns {
  return Map.groupBy(joinRuns(runs), ({ writer_id }) => writer_id)
}

/** Where a chain stands after the runs that follow from its row `head`; `head` itself when none does. */
export function headAfterRuns(known: KnownRuns, head: ChainHead): ChainHead {
  const run = known
    .get(head.writer_id)
    ?.find(({ first_seq, prev_hash }) => first_seq === head.seq + 1 && prev_hash.equals(head.hash))
  return run ? headAfterRuns(known, { writer_id: head.writer_id, seq: run.last_seq, hash: run.hash }) : head
}

/** The run in which a row lies. */
export function runOf(runs: readonly ChainRun[], { writer_id, seq }: ChainHead): ChainRun | undefined {
  return runs.find((run) => run.writer_id === writer_id && run.first_seq <= seq && seq <= run.last_seq)
}

/** Whether a row lies in a known run; its hash is checked where the run ends with it. */
export function isInRuns(known: KnownRuns, head: ChainHead): boolean {
  const { writer_id, seq, hash } = head
  const run = runOf(known.get(writer_id) ?? [], head)
  return run !== undefined && (run.last_seq !== seq || run.hash.equals(hash))
}

/** What lies between runs: the pieces of chains that are in none of them, and where runs contradict each other. */
export function missingRuns(runs: readonly ChainRun[]): { missing: ChainRun[]; faults: ChainFault[] } {
  const missing: ChainRun[] = []
  const faults: ChainFault[] = []
  let last: ChainHead | undefined
  for (const run of joinRuns(runs)) {
    const { writer_id, first_seq, prev_hash } = run
    if (last?.writer_id !== writer_id) last = { writer_id, seq: 0, hash: GENESIS }
    const report = (kind: FaultKind, message: string) =>
      faults.push({ writer_id, seq: first_seq, kind, message })
    if (first_seq > last.seq + 1) {
      const { seq, hash } = last
      missing.push({
        writer_id,
        first_seq: seq + 1,
        prev_hash: hash,
        last_seq: first_seq - 1,
        hash: prev_hash,
      })
    } else if (first_seq <= last.seq) report('reordered', `row ${first_seq} is there twice`)
    else if (!prev_hash.equals(last.hash))
      report('broken_link', `row ${first_seq} does not follow from row ${last.seq}`)
    if (run.last_seq > last.seq) last = { writer_id, seq: run.last_seq, hash: run.hash }
  }
  return { missing, faults }
}
