import type { Knex } from 'knex'
import { findHash, readChains } from './audit-store.ts'
import { type AuditRow, type ChainHead, contentDigest, GENESIS, linkHash } from './hash-chain.ts'
import { type Witness, witnessOf } from './witness.ts'

/**
 * What verification can find: a changed row, a row that does not follow from the one before, missing rows, a row
 * out of order or twice, a chain that lost rows another chain continues from, and a closing of a dropped month that
 * nothing in the log vouches for. Missing newest rows and a missing newest chain leave no trace in the table itself.
 */
export type FaultKind =
  | 'edited'
  | 'broken_link'
  | 'gap'
  | 'reordered'
  | 'missing_predecessor'
  | 'unproven_closing'

export type ChainFault = { writer_id: string; seq: number; kind: FaultKind; message: string }

export type Verification = {
  rows: number
  writers: number
  /** In the order found, the first 100. */
  faults: ChainFault[]
  fault_count: number
}

/** A row that an event of another chain names. */
export type Predecessor = Witness & { successor: string }

/** Where a chain may go on from this row: the row itself, or a later one when those between are known. */
export type PassOver = (head: ChainHead) => ChainHead

export type VerifyOptions = {
  /** What a chain may lack, because it left the table in order. */
  pass_over?: PassOver | undefined
  /** Whether a row that another chain names, and that is not there, left the table in order. */
  is_dropped?: ((row: ChainHead) => boolean) | undefined
  on_progress?: ((progress: { rows: number }) => void) | undefined
}

export const FAULTS_KEPT = 100

/**
 * Checks rows fed one by one: chains in any order and mixture, the rows of each in the order of their seq.
 */
export class ChainVerifier {
  readonly faults: ChainFault[] = []
  readonly predecessors: Predecessor[] = []
  rows = 0
  fault_count = 0
  readonly #passOver: PassOver
  readonly #last = new Map<string, ChainHead>()

  constructor(passOver: PassOver = (head) => head) {
    this.#passOver = passOver
  }

  get writers(): number {
    return this.#last.size
  }

  /** The next row of this writer follows from `head`, whatever came before it. */
  startAt(head: ChainHead): void {
    this.#last.set(head.writer_id, head)
  }

  /** After a fault the check goes on from the row as it stands, so that one fault is reported once. */
  feed(row: AuditRow): void {
    this.rows += 1
    const { writer_id, seq } = row
    let last = this.#last.get(writer_id) ?? { writer_id, seq: 0, hash: GENESIS }
    if (seq > last.seq + 1) last = this.#passOver(last)
    const is_next = seq === last.seq + 1
    if (seq > last.seq + 1)
      this.report(writer_id, last.seq + 1, 'gap', `${missing(last.seq + 1, seq - 1)} missing`)
    if (seq <= last.seq) this.report(writer_id, seq, 'reordered', `row ${seq} comes after row ${last.seq}`)
    if (!linkHash(contentDigest(row), row.prev_hash).equals(row.hash))
      this.report(writer_id, seq, 'edited', `row ${seq} is not what was hashed`)
    else if (is_next && !row.prev_hash.equals(last.hash))
      this.report(writer_id, seq, 'broken_link', `row ${seq} does not follow from ${before(seq)}`)
    if (seq <= last.seq) return
    this.#last.set(writer_id, { writer_id, seq, hash: row.hash })
    this.#note(row)
  }

  report(writer_id: string, seq: number, kind: FaultKind, message: string): void {
    this.fault_count += 1
    if (this.faults.length < FAULTS_KEPT) this.faults.push({ writer_id, seq, kind, message })
  }

  #note(row: AuditRow): void {
    const named = witnessOf(row)
    if (named) this.predecessors.push({ ...named, successor: row.writer_id })
  }
}

function missing(first: number, last: number): string {
  return first === last ? `row ${first} is` : `rows ${first} to ${last} are`
}

function before(seq: number): string {
  return seq === 1
    ? 'nothing, as the first row of a chain must'
    : `row ${seq - 1}: one of the two was replaced`
}

/**
 * Reads every chain and recomputes every hash. `on_progress` hears the rows checked so far, page by page. Safe
 * while writers write: events committed meanwhile may or may not be part of what is checked.
 */
export async function verifyChains(db: Knex, options: VerifyOptions = {}): Promise<Verification> {
  const verifier = new ChainVerifier(options.pass_over)
  for await (const page of readChains(db)) {
    for (const row of page) verifier.feed(row)
    options.on_progress?.({ rows: verifier.rows })
  }
  for (const { writer_id, seq, hash, successor } of verifier.predecessors) {
    const stored = await findHash(db, writer_id, seq)
    if (stored?.toString('hex') === hash) continue
    if (!stored && options.is_dropped?.({ writer_id, seq, hash: Buffer.from(hash, 'hex') })) continue
    const message = `row ${seq}, which the chain of writer ${successor} names, is ${stored ? 'replaced' : 'missing'}`
    verifier.report(writer_id, seq, 'missing_predecessor', message)
  }
  const { rows, writers, faults, fault_count } = verifier
  return { rows, writers, faults, fault_count }
}
