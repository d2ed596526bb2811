import type { ChainHead } from '../../../audit-chain/hash-chain.ts'
import type { StoredHead } from './chain-store.ts'
import type { ChainFault, Predecessor } from './chain-verifier.ts'

/**
 * Pure: what is stored against rows that are known from elsewhere: heads that were kept outside the database, and
 * rows that other chains name. Of one writer the first row that differs is reported, because all after it differ.
 */

/** `stored` in the order of `heads`. `is_whole`: all rows of the chains were read, so that gaps are known already. */
export function headFaults(
  heads: readonly ChainHead[],
  stored: readonly StoredHead[],
  is_whole: boolean,
): ChainFault[] {
  const pairs = heads.flatMap((head, index) => {
    const found = stored[index]
    return found ? [{ head, found }] : []
  })
  const by_writer = Map.groupBy(
    pairs.toSorted((one, other) => one.head.seq - other.head.seq),
    ({ head }) => head.writer_id,
  )
  return [...by_writer.values()].flatMap((of_writer) => faultsOfWriter(of_writer, is_whole))
}

type Pair = { head: ChainHead; found: StoredHead }

function faultsOfWriter(pairs: readonly Pair[], is_whole: boolean): ChainFault[] {
  const faults: ChainFault[] = []
  const newest = pairs.at(-1)
  if (!newest) return []
  const { writer_id, seq: kept_seq } = newest.head
  const { last_seq } = newest.found
  if (last_seq === null) {
    const message = `the whole chain is missing; it had at least ${kept_seq} rows`
    return [{ writer_id, seq: 1, kind: 'missing_writer', message }]
  }
  const differing = pairs.findIndex(({ head, found }) => found.hash !== null && !found.hash.equals(head.hash))
  const differs = pairs[differing]
  if (differs) {
    const { seq } = differs.head
    const since = pairs[differing - 1]?.head.seq
    const where = since === undefined ? `at or before row ${seq}` : `after row ${since} and up to row ${seq}`
    const message = `row ${seq} is not the row that was kept: rows were replaced ${where}`
    const event_id = differs.found.event_id
    faults.push({ writer_id, seq, kind: 'rewritten', message, ...(event_id !== null && { event_id }) })
  }
  if (kept_seq > last_seq) {
    const lost = last_seq + 1 === kept_seq ? `row ${kept_seq} is` : `rows ${last_seq + 1} to ${kept_seq} are`
    faults.push({
      writer_id,
      seq: last_seq + 1,
      kind: 'cut_off',
      message: `the end was cut off: ${lost} missing`,
    })
  }
  const gone = pairs.find(({ head, found }) => found.hash === null && head.seq <= last_seq)
  if (gone && !is_whole)
    faults.push({ writer_id, seq: gone.head.seq, kind: 'gap', message: `row ${gone.head.seq} is missing` })
  return faults
}

/** `stored` in the order of `named`. */
export function predecessorFaults(
  named: readonly Predecessor[],
  stored: readonly StoredHead[],
): ChainFault[] {
  return named.flatMap(({ writer_id, seq, hash, successor }, index) => {
    const found = stored[index]?.hash
    if (found?.toString('hex') === hash) return []
    const message = `row ${seq}, from which writer ${successor} continued, is ${found ? 'replaced' : 'missing'}`
    return [{ writer_id, seq, kind: 'missing_predecessor' as const, message }]
  })
}
