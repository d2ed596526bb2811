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
import type { Bytes } from './row-bytes.ts'
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

  /** Of each writer, by its bytes, when its first row was written, in microseconds since 2000. */
  began(): Map<Bytes, number> {
    this.#join()
    const began = new Map<Bytes, number>()
    for (const { writer, began_at } of this.#pieces) if (!began.has(writer)) began.set(writer, began_at)
    return began
  }

  /** Chains that begin with a later row than their first. */
  begunBefore(): number {
    this.#join()
    return (
      new Set(this.#pieces.map(({ writer }) => writer)).size -
      this.#pieces.filter(({ first_seq }) => first_seq === 1).length
    )
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
      if (chain?.writer !== piece.writer) chains.push({ ...piece })
      else if (piece.last_seq > chain.last_seq)
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
