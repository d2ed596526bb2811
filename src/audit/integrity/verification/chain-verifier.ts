import { type AuditRow, type ChainHead, GENESIS, isIntact } from '../../../audit-chain/hash-chain.ts'
import type { Bytes } from '../../../audit-chain/row-bytes.ts'
import { type Witness, witnessOf } from '../../../audit-chain/witness.ts'
import {
  assertTuple,
  idOf,
  type Link,
  linkOf,
  microsecondsOf,
  type Note,
  noteOf,
  seqOf,
  timeOf,
  uuidOf,
  writerBytesOf,
} from './stored-tuple.ts'

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
export type Predecessor = Witness & { successor: string }

/** Where a chain may go on from this row: the row itself, or a later one when those between are known. */
export type PassOver = (head: ChainHead) => ChainHead

type Fed = Link & { writer_id: string; seq: number; shownBy: () => Shown }
type Shown = { event_id: string; occurred_at?: string }

export const FAULTS_KEPT = 100

/**
 * Checks rows fed one by one: chains in any order and mixture, the rows of each in the order of their seq (and of
 * their time, where a seq is there twice). It says what is wrong; everything else only finds out where to look.
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

  feed(row: AuditRow): void {
    const { writer_id, seq } = row
    this.#check({
      writer_id,
      seq,
      prev_hash: row.prev_hash.toString('latin1'),
      hash: row.hash.toString('latin1'),
      is_intact: isIntact(row),
      shownBy: () => ({ event_id: row.id, occurred_at: row.occurred_at.toISOString() }),
    })
    this.#note(row)
  }

  /** The same for a row as Postgres sends it (`TakeTuple`). */
  feedTuple(bytes: Buffer, start: number, end: number): void {
    if (this.rows === 0) assertTuple(bytes, start)
    const writer = writerBytesOf(bytes, start)
    if (writer !== this.#writer.bytes) this.#writer = { bytes: writer, id: uuidOf(writer) }
    const shownBy = () => {
      const occurred_at = timeOf(microsecondsOf(bytes, start))
      return { event_id: idOf(bytes, start), ...(occurred_at !== undefined && { occurred_at }) }
    }
    this.#check({
      ...linkOf(bytes, start, end),
      writer_id: this.#writer.id,
      seq: seqOf(bytes, start),
      shownBy,
    })
    const note = noteOf(bytes, start)
    if (note) this.#note(note)
  }

  report(writer_id: string, seq: number, kind: FaultKind, message: string, shown?: Shown): void {
    this.fault_count += 1
    if (this.faults.length < FAULTS_KEPT) this.faults.push({ writer_id, seq, kind, message, ...shown })
  }

  /** After a fault the check goes on from the row as it stands, so that one fault is reported once. */
  #check({ writer_id, seq, prev_hash, hash, is_intact, shownBy }: Fed): void {
    this.rows += 1
    const last = this.#before(writer_id, seq)
    const report = (at: number, kind: FaultKind, message: string) =>
      this.report(writer_id, at, kind, message, shownBy())
    if (seq > last.seq + 1) report(last.seq + 1, 'gap', `${missing(last.seq + 1, seq - 1)} missing`)
    if (seq <= last.seq) report(seq, 'reordered', `row ${seq} comes after row ${last.seq}`)
    if (!is_intact) report(seq, 'edited', `row ${seq} is not what was hashed`)
    else if (seq === last.seq + 1 && prev_hash !== last.hash)
      report(seq, 'broken_link', `row ${seq} does not follow from ${before(seq)}`)
    if (seq > last.seq) this.#last.set(writer_id, { seq, hash })
  }

  #before(writer_id: string, seq: number): { seq: number; hash: Bytes } {
    const last = this.#last.get(writer_id) ?? NOTHING
    if (seq <= last.seq + 1) return last
    const passed = this.#passOver({ writer_id, seq: last.seq, hash: Buffer.from(last.hash, 'latin1') })
    return { seq: passed.seq, hash: passed.hash.toString('latin1') }
  }

  #note(row: Pick<Note, 'writer_id' | 'detail'> & { type: string }): void {
    const named = predecessorOf(row)
    if (named) this.predecessors.push(named)
  }
}

const NOTHING = { seq: 0, hash: GENESIS.toString('latin1') }
/** The row of another chain that a row names. */
export function predecessorOf(
  row: Pick<Note, 'writer_id' | 'detail'> & { type: string },
): Predecessor | undefined {
  const named = witnessOf(row)
  return named && { ...named, successor: row.writer_id }
}

function missing(first: number, last: number): string {
  return first === last ? `row ${first} is` : `rows ${first} to ${last} are`
}

function before(seq: number): string {
  return seq === 1
    ? 'nothing, as the first row of a chain must'
    : `row ${seq - 1}: one of the two was replaced`
}
