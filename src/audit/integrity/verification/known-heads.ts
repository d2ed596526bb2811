import type { ChainHead } from '../../../audit-chain/hash-chain.ts'
import { type ChainFault, missing, type Predecessor } from './chain-verifier.ts'

/**
 * Pure: what is stored against rows that are known from elsewhere: heads that were kept outside the database, and
 * rows that other chains name.
 */

/** What is stored of a row that something names; `last_seq` is that of its writer, null when it has no rows. */
export type StoredHead = { hash: Buffer | null; event_id: string | null; last_seq: number | null }

type Kept<Head> = { head: Head; found: StoredHead }

export type KnownOptions = {
  /** Rows that must be there, known from outside the database. */
  known_heads?: readonly ChainHead[]
  /** Whether a row that something names, and that is not there, left in order. */
  has_left?: (head: ChainHead) => boolean
}

/**
 * What is wrong with rows that other chains name, or that were kept outside. `find` gives what is stored of each, in the
 * same order. `is_partial`: not all rows of the chains were read, so that gaps are not known yet.
 */
export async function knownFaults(
  predecessors: readonly Predecessor[],
  find: (heads: readonly ChainHead[]) => Promise<StoredHead[]>,
  { known_heads = [], has_left }: KnownOptions,
  is_partial = false,
): Promise<ChainFault[]> {
  const kept = async <Head extends ChainHead>(heads: readonly Head[]): Promise<Kept<Head>[]> => {
    const stored = await find(heads)
    return heads.flatMap((head, index) => {
      const found = stored[index]
      return !found || (found.hash === null && has_left?.(head)) ? [] : [{ head, found }]
    })
  }
  const lost = (await kept(predecessors)).filter(({ head, found }) => !found.hash?.equals(head.hash))
  return [
    ...lost.map(({ head, found }) => predecessorFault(head, found.hash !== null)),
    ...headFaults(await kept(known_heads), is_partial),
  ]
}

function headFaults(kept: readonly Kept<ChainHead>[], is_partial: boolean): ChainFault[] {
  const by_writer = Map.groupBy(
    kept.toSorted((one, other) => one.head.seq - other.head.seq),
    ({ head }) => head.writer_id,
  )
  return [...by_writer.values()].flatMap((of_writer) => faultsOfWriter(of_writer, is_partial))
}

/** The first row that differs is reported, because all after it differ. */
function faultsOfWriter(kept: readonly Kept<ChainHead>[], is_partial: boolean): ChainFault[] {
  const faults: ChainFault[] = []
  const newest = kept.at(-1)
  if (!newest) return []
  const { writer_id, seq: kept_seq } = newest.head
  const { last_seq } = newest.found
  if (last_seq === null) {
    const message = `the whole chain is missing; it had at least ${kept_seq} rows`
    return [{ writer_id, seq: 1, kind: 'missing_writer', message }]
  }
  const differing = kept.findIndex(({ head, found }) => found.hash !== null && !found.hash.equals(head.hash))
  const differs = kept[differing]
  if (differs) {
    const { seq } = differs.head
    const since = kept[differing - 1]?.head.seq
    const where = since === undefined ? `at or before row ${seq}` : `after row ${since} and up to row ${seq}`
    const message = `row ${seq} is not the row that was kept: rows were replaced ${where}`
    const event_id = differs.found.event_id
    faults.push({ writer_id, seq, kind: 'rewritten', message, ...(event_id !== null && { event_id }) })
  }
  if (kept_seq > last_seq) {
    const message = `the end was cut off: ${missing(last_seq + 1, kept_seq)} missing`
    faults.push({ writer_id, seq: last_seq + 1, kind: 'cut_off', message })
  }
  const gone = kept.find(({ head, found }) => found.hash === null && head.seq <= last_seq)
  if (gone && is_partial)
    faults.push({ writer_id, seq: gone.head.seq, kind: 'gap', message: `row ${gone.head.seq} is missing` })
  return faults
}

/** `is_there`: there is a row in its place. */
export function predecessorFault({ writer_id, seq, successor }: Predecessor, is_there: boolean) {
  const message = `row ${seq}, from which writer ${successor} continued, is ${is_there ? 'replaced' : 'missing'}`
  return { writer_id, seq, kind: 'missing_predecessor', message } as const
}
