import { type ChainHead, GENESIS } from '../../../audit-chain/hash-chain.ts'
import type { Bytes } from '../../../audit-chain/row-bytes.ts'
import { assertTuple, idOf, linkOf, seqOf, timeOf, uuidOf, witnessIn, writerBytesOf } from './stored-tuple.ts'

/**
 * What verification can find. In the rows alone: a changed row, a row that does not follow from the one before, missing
 * rows, a row out of order or twice, and a row that another chain names and that is not there as named. Against heads
 * that were kept elsewhere: a chain cut off, a chain gone, and rows replaced up to such a head. And a closing of a dropped
 * month that nothing in the log vouches for.
 */
export type FaultKind =
  | 'edited'
  | 'broken_link'
  | 'gap'
  | 'reordered'
  | 'missing_predecessor'
  | 'cut_off'
  | 'missing_writer'
  | 'rewritten'
  | 'unproven_closing'

/** `event_id` and `occurred_at` are those of the row in which it shows, where there is one. */
export type ChainFault = {
  writer_id: string
  seq: number
  kind: FaultKind
  message: string
  event_id?: string
  occurred_at?: string
}

/** A row that an event of another chain names. */
export type Predecessor = ChainHead & { successor: string }

/** Where a chain may go on from this row: the row itself, or a later one when those between are known. */
export type PassOver = (head: ChainHead) => ChainHead

export const FAULTS_KEPT = 100

/** What was found, and more that was found otherwise. */
export function withFaults<Fault, Found extends { faults: Fault[]; fault_count: number }>(
  found: Found,
  more: readonly Fault[],
): Found {
  const faults = [...found.faults, ...more].slice(0, FAULTS_KEPT)
  return { ...found, faults, fault_count: found.fault_count + more.length }
}

/**
 * Checks rows fed one by one, as Postgres sends them: chains in any order and mixture, the rows of each in the order of
 * their seq (and of their time, where a seq is there twice).
 */
export class ChainVerifier {
  /** In the order found, the first 100. */
  readonly faults: ChainFault[] = []
  readonly predecessors: Predecessor[] = []
  rows = 0
  fault_count = 0
  readonly #last = new Map<string, { seq: number; hash: Bytes }>()
  readonly #passOver: PassOver
  #writer: { bytes: Bytes; id: string } = { bytes: '', id: '' }

  constructor(passOver: PassOver = (head) => head) {
    this.#passOver = passOver
  }

  get writers(): number {
    return this.#last.size
  }

  /** The next row of this writer follows from `head`, whatever came before it. */
  startAt({ writer_id, seq, hash }: ChainHead): void {
    this.#last.set(writer_id, { seq, hash: hash.toString('latin1') })
  }

  /** After a fault the check goes on from the row as it stands, so that one fault is reported once. */
  feed(tuple: Buffer): void {
    if (this.rows === 0) assertTuple(tuple)
    this.rows += 1
    const writer_id = this.#writerOf(tuple)
    const seq = seqOf(tuple)
    const { prev_hash, hash, is_intact } = linkOf(tuple)
    const last = this.#before(writer_id, seq)
    const report = (at: number, kind: FaultKind, message: string) =>
      this.#report({ writer_id, seq: at, kind, message, ...shownBy(tuple) })
    if (seq > last.seq + 1) report(last.seq + 1, 'gap', `${missing(last.seq + 1, seq - 1)} missing`)
    if (seq <= last.seq) report(seq, 'reordered', `row ${seq} comes after row ${last.seq}`)
    if (!is_intact) report(seq, 'edited', `row ${seq} is not what was hashed`)
    else if (seq === last.seq + 1 && prev_hash !== last.hash)
      report(seq, 'broken_link', `row ${seq} does not follow from ${before(seq)}`)
    if (seq > last.seq) this.#last.set(writer_id, { seq, hash })
    const named = witnessIn(tuple)
    if (named)
      this.predecessors.push({ ...named, hash: Buffer.from(named.hash, 'hex'), successor: writer_id })
  }

  #report(fault: ChainFault): void {
    this.fault_count += 1
    if (this.faults.length < FAULTS_KEPT) this.faults.push(fault)
  }

  /** Neighbours are mostly of one writer. */
  #writerOf(tuple: Buffer): string {
    const bytes = writerBytesOf(tuple)
    if (bytes !== this.#writer.bytes) this.#writer = { bytes, id: uuidOf(bytes) }
    return this.#writer.id
  }

  #before(writer_id: string, seq: number): { seq: number; hash: Bytes } {
    const last = this.#last.get(writer_id) ?? NOTHING
    if (seq <= last.seq + 1) return last
    const passed = this.#passOver({ writer_id, seq: last.seq, hash: Buffer.from(last.hash, 'latin1') })
    return { seq: passed.seq, hash: passed.hash.toString('latin1') }
  }
}

const NOTHING = { seq: 0, hash: GENESIS.toString('latin1') }

function shownBy(tuple: Buffer): Pick<ChainFault, 'event_id' | 'occurred_at'> {
  const occurred_at = timeOf(tuple)
  return { event_id: idOf(tuple), ...(occurred_at !== undefined && { occurred_at }) }
}

/** Rows of one chain that are not there, as the beginning of a sentence. */
export function missing(first: number, last: number): string {
  return first === last ? `row ${first} is` : `rows ${first} to ${last} are`
}

function before(seq: number): string {
  return seq === 1
    ? 'nothing, as the first row of a chain must'
    : `row ${seq - 1}: one of the two was replaced`
}
