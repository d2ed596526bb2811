/** Gaps: what the log in the table lacks although a checkpoint outside names it, as after a backup was restored. */
import type { Knex } from 'knex'
import type { ChainHead } from '../../../audit-chain/hash-chain.ts'
import { closingsOf, runsOfClosings } from '../archive/closing.ts'
import { readClosings } from '../archive/closing-store.ts'
import { isInRuns } from '../verification/chain-runs.ts'
import { lastRows, restoredGaps } from './gap-store.ts'

/** Rows of one chain that were there; `hash` is that of the last of them. */
export type Gap = { writer_id: string; first_seq: number; last_seq: number; hash: string }

const TEXT = /^(?<writer_id>[0-9a-f-]{36}) (?<first>\d+)-(?<last>\d+) (?<hash>[0-9a-f]{64})$/

/** As an event has it. */
export function gapText({ writer_id, first_seq, last_seq, hash }: Gap): string {
  return `${writer_id} ${first_seq}-${last_seq} ${hash}`
}

function readGap(text: string): Gap | undefined {
  const { writer_id = '', first, last, hash = '' } = TEXT.exec(text)?.groups ?? {}
  return first === undefined
    ? undefined
    : { writer_id, first_seq: Number(first), last_seq: Number(last), hash }
}

/** Every gap that an operator accepted, by the events that say so. */
export async function acceptedGaps(db: Knex): Promise<Gap[]> {
  return (await restoredGaps(db)).flatMap((text) => readGap(text) ?? [])
}

/** Whether this row is one of those that were lost. */
export function isInGaps(
  gaps: readonly Gap[],
  { writer_id, seq }: Pick<ChainHead, 'writer_id' | 'seq'>,
): boolean {
  return gaps.some((gap) => gap.writer_id === writer_id && seq >= gap.first_seq && seq <= gap.last_seq)
}

/**
 * The gaps before these heads. What left the log in order, by retention, is none; what an operator accepted is none
 * any more.
 */
export async function gapsBefore(db: Knex, heads: readonly ChainHead[]): Promise<Gap[]> {
  const writer_ids = heads.map(({ writer_id }) => writer_id)
  const stored = await lastRows(db, writer_ids)
  const lastOf = ({ writer_id }: ChainHead) => stored.get(writer_id) ?? 0
  const missing = heads.filter((head) => lastOf(head) < head.seq)
  if (missing.length === 0) return []
  const dropped = runsOfClosings(closingsOf(await readClosings(db)))
  const accepted = await acceptedGaps(db)
  return missing
    .filter((head) => !isInRuns(dropped, head) && !isInGaps(accepted, head))
    .map((head) => ({
      writer_id: head.writer_id,
      first_seq: lastOf(head) + 1,
      last_seq: head.seq,
      hash: head.hash.toString('hex'),
    }))
}
