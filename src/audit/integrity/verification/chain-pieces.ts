import { GENESIS } from '../../../audit-chain/hash-chain.ts'
import type { Bytes } from '../../../audit-chain/row-bytes.ts'
import {
  assertTuple,
  followsHash,
  hasHash,
  hashOf,
  isWriter,
  linkOf,
  linksAt,
  microsecondsOf,
  type Note,
  noteOf,
  seqOf,
  writerBytesOf,
} from './stored-tuple.ts'

/**
 * Pure: chains checked from rows in any order. Rows that follow from one another are a piece, of which only the ends
 * are kept; pieces from everywhere are joined; and what does not join is in doubt. A doubt is not yet a fault: it is
 * where the rows have to be read again in their order (`ChainVerifier`), which then says what is wrong.
 *
 * So the table can be read as it lies on the disk, which costs Postgres half of what reading in order costs, and by
 * as many as there are cores: what is found does not depend on who read which part.
 */
export type Piece = {
  /** 16 bytes. */
  writer: Bytes
  first_seq: number
  /** What its first row follows. */
  prev_hash: Bytes
  last_seq: number
  /** That of its last row. */
  hash: Bytes
  /** Time of its first row, in microseconds since 2000. */
  began_at: number
}

/** Rows of one writer, both ends included. */
export type Doubt = { writer: Bytes; from_seq: number; to_seq: number }

/** What reading a part of the log found. */
export type Scan = { rows: number; pieces: Piece[]; doubts: Doubt[]; notes: Note[] }

/** More of one writer become one, from the first to the last: then most of its rows are read again anyway. */
const DOUBTS_MAX = 1_000
const NO_ROW: Bytes = GENESIS.toString('latin1')

/** Reads a part of the log, row by row, in any order; fastest where the rows of a writer are in order. */
export class Scanner {
  #rows = 0
  readonly #pieces: Piece[] = []
  readonly #doubts: Doubt[] = []
  readonly #notes: Note[] = []
  /** The piece that each writer's last row extended. */
  readonly #current = new Map<Bytes, Piece>()
  #last: Piece | undefined

  take(bytes: Buffer, start: number, end: number): void {
    if (this.#rows === 0) assertTuple(bytes, start)
    this.#rows += 1
    const seq = seqOf(bytes, start)
    const piece = this.#pieceOf(bytes, start)
    const links_at = linksAt(bytes, start, end)
    const hash = links_at === undefined ? undefined : hashOf(bytes, start, links_at)
    const is_intact = links_at !== undefined && hash !== undefined && hasHash(bytes, links_at, hash)
    if (is_intact && piece && piece.last_seq + 1 === seq && followsHash(bytes, links_at, piece.hash)) {
      piece.last_seq = seq
      piece.hash = hash
    } else this.#begin(bytes, start, end, seq)
    const note = noteOf(bytes, start)
    if (note) this.#notes.push(note)
  }

  finish(): Scan {
    return {
      rows: this.#rows,
      pieces: joinPieces(this.#pieces),
      doubts: joinDoubts(this.#doubts),
      notes: this.#notes,
    }
  }

  /** The piece that the last row of the same writer extended. */
  #pieceOf(bytes: Buffer, start: number): Piece | undefined {
    if (this.#last && isWriter(bytes, start, this.#last.writer)) return this.#last
    this.#last = this.#current.get(writerBytesOf(bytes, start))
    return this.#last
  }

  #begin(bytes: Buffer, start: number, end: number, seq: number): void {
    const writer = writerBytesOf(bytes, start)
    const { prev_hash, hash, is_intact } = linkOf(bytes, start, end)
    if (!is_intact) this.#doubts.push({ writer, from_seq: seq, to_seq: seq })
    const piece = {
      writer,
      first_seq: seq,
      prev_hash,
      last_seq: seq,
      hash,
      began_at: microsecondsOf(bytes, start),
    }
    this.#pieces.push(piece)
    this.#current.set(writer, piece)
    this.#last = piece
  }
}

/** Sorted by writer and seq; those that follow from one another joined. The order they come in does not matter. */
export function joinPieces(pieces: readonly Piece[]): Piece[] {
  const joined: Piece[] = []
  let last: Piece | undefined
  for (const piece of pieces.toSorted(byPlace)) {
    const follows =
      last?.writer === piece.writer && last.last_seq + 1 === piece.first_seq && last.hash === piece.prev_hash
    if (last && follows) {
      last.last_seq = piece.last_seq
      last.hash = piece.hash
    } else {
      last = { ...piece }
      joined.push(last)
    }
  }
  return joined
}

function byPlace(one: Piece, other: Piece): number {
  if (one.writer !== other.writer) return one.writer < other.writer ? -1 : 1
  return one.first_seq - other.first_seq || one.last_seq - other.last_seq
}

/** Sorted by writer and seq; those that touch joined. */
export function joinDoubts(doubts: readonly Doubt[]): Doubt[] {
  const sorted = doubts.toSorted((one, other) =>
    one.writer === other.writer ? one.from_seq - other.from_seq : one.writer < other.writer ? -1 : 1,
  )
  const joined: Doubt[] = []
  for (const doubt of sorted) {
    const last = joined.at(-1)
    if (last?.writer === doubt.writer && doubt.from_seq <= last.to_seq + 1)
      last.to_seq = Math.max(last.to_seq, doubt.to_seq)
    else joined.push({ ...doubt })
  }
  return joined.length > DOUBTS_MAX ? coarsened(joined) : joined
}

function coarsened(sorted: Doubt[]): Doubt[] {
  return [...Map.groupBy(sorted, ({ writer }) => writer).values()].flatMap((of_writer) => {
    const [first] = of_writer
    const last = of_writer.at(-1)
    return first && last && of_writer.length > DOUBTS_MAX ? [{ ...first, to_seq: last.to_seq }] : of_writer
  })
}

/** Where the chain of a writer stands before the first row that was read; undefined where that has to be looked up. */
export type StandBefore = (piece: Piece) => { seq: number; hash: Bytes } | undefined

/** What a chain that stands at this row may go on from: the same, or a later row, when those between are known. */
export type PassKnown = (writer: Bytes, seq: number, hash: Bytes) => { seq: number; hash: Bytes }

/** What does not join: gaps, overlaps, and neighbours of which one does not follow from the other. */
export function doubtsBetween(
  joined: readonly Piece[],
  before: StandBefore = () => ({ seq: 0, hash: NO_ROW }),
  pass: PassKnown = (_, seq, hash) => ({ seq, hash }),
): Doubt[] {
  const doubts: Doubt[] = []
  let writer: Bytes | undefined
  let last: { seq: number; hash: Bytes } | undefined
  for (const piece of joined) {
    const { first_seq, last_seq } = piece
    if (piece.writer !== writer) last = before(piece)
    writer = piece.writer
    if (last && first_seq > last.seq + 1) last = pass(writer, last.seq, last.hash)
    if (!last) doubts.push({ writer, from_seq: first_seq, to_seq: first_seq })
    else if (first_seq <= last.seq)
      doubts.push({ writer, from_seq: first_seq, to_seq: Math.min(last.seq, last_seq) })
    else if (first_seq > last.seq + 1) doubts.push({ writer, from_seq: last.seq + 1, to_seq: first_seq })
    else if (piece.prev_hash !== last.hash) doubts.push({ writer, from_seq: first_seq, to_seq: first_seq })
    if (!last || last_seq > last.seq) last = { seq: last_seq, hash: piece.hash }
  }
  return doubts
}
