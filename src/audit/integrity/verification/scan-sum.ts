import type { Bytes } from '../../../audit-chain/row-bytes.ts'
import {
  type Doubt,
  doubtsBetween,
  joinDoubts,
  joinPieces,
  type PassKnown,
  type Piece,
  type Scan,
  type StandBefore,
} from './chain-pieces.ts'
import type { Note } from './stored-tuple.ts'

/** Pieces are joined when there are so many more than after the last time. */
const JOIN_AFTER = 50_000
/** With more than these, joined, the rows lie in no order at all, and it is cheaper to read them in theirs. */
const PIECES_MAX = 500_000

/** Pure: what all parts of the log together say, in whatever order they come in. */
export class ScanSum {
  rows = 0
  readonly #limit: number
  #pieces: Piece[] = []
  #joined = 0
  #doubts: Doubt[] = []
  readonly #notes: Note[] = []

  constructor(limit = PIECES_MAX) {
    this.#limit = limit
  }

  add(scan: Scan): void {
    this.rows += scan.rows
    for (const piece of scan.pieces) this.#pieces.push(piece)
    this.#doubts = joinDoubts([...this.#doubts, ...scan.doubts])
    for (const note of scan.notes) this.#notes.push(note)
    if (this.#pieces.length > this.#joined + Math.min(JOIN_AFTER, this.#limit)) this.#join()
  }

  /** Ordered by writer and seq. */
  get notes(): Note[] {
    return this.#notes.toSorted((one, other) =>
      one.writer_id === other.writer_id ? one.seq - other.seq : one.writer_id < other.writer_id ? -1 : 1,
    )
  }

  /**
   * What must be read again in order: the chains by the time of their first row, each by seq. With every doubt goes
   * the row after it, which shows whether it follows.
   */
  doubts(before?: StandBefore, pass?: PassKnown): Doubt[] {
    this.#join()
    const found = [...this.#doubts, ...doubtsBetween(this.#pieces, before, pass)]
    const began = this.began()
    return joinDoubts(found.map((doubt) => ({ ...doubt, to_seq: doubt.to_seq + 1 }))).sort(
      (one, other) => (began.get(one.writer) ?? 0) - (began.get(other.writer) ?? 0),
    )
  }

  /**
   * Of each writer, by its bytes, when its first row was written, in microseconds since 2000; the earliest, where it is
   * there twice. Every such row begins a piece, whatever else is read with it.
   */
  began(): Map<Bytes, number> {
    this.#join()
    const first = new Map<Bytes, Piece>()
    for (const piece of this.#pieces) {
      const known = first.get(piece.writer)
      if (!known || isEarlier(piece, known)) first.set(piece.writer, piece)
    }
    return new Map([...first].map(([writer, { began_at }]) => [writer, began_at]))
  }

  /** Chains that begin with a later row than their first. */
  begunBefore(): number {
    this.#join()
    const writers = new Set(this.#pieces.map(({ writer }) => writer))
    for (const { writer, first_seq } of this.#pieces) if (first_seq === 1) writers.delete(writer)
    return writers.size
  }

  #join(): void {
    this.#pieces = joinPieces(this.#pieces)
    if (this.#pieces.length > this.#limit) this.#giveUp()
    this.#joined = this.#pieces.length
  }

  /** Whole chains come in doubt, of each only the ends are kept. */
  #giveUp(): void {
    const chains: Piece[] = []
    for (const piece of this.#pieces) {
      const chain = chains.at(-1)
      if (chain?.writer !== piece.writer) {
        chains.push({ ...piece })
        continue
      }
      if (isEarlier(piece, chain)) chain.began_at = piece.began_at
      if (piece.last_seq > chain.last_seq)
        Object.assign(chain, { last_seq: piece.last_seq, hash: piece.hash })
    }
    const doubts = chains.map(({ writer, first_seq, last_seq }) => ({
      writer,
      from_seq: first_seq,
      to_seq: last_seq,
    }))
    this.#doubts = joinDoubts([...this.#doubts, ...doubts])
    this.#pieces = chains
  }
}

function isEarlier(one: Piece, other: Piece): boolean {
  return one.first_seq === other.first_seq && one.began_at < other.began_at
}
