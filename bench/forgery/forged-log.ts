import { joinPieces, type Scan, Scanner } from '../../src/audit/integrity/verification/chain-pieces.ts'
import type { ChainRange, StoredHead } from '../../src/audit/integrity/verification/chain-store.ts'
import {
  type ChainSource,
  judgeScans,
  type Verification,
} from '../../src/audit/integrity/verification/judgement.ts'
import { ScanSum } from '../../src/audit/integrity/verification/scan-sum.ts'
import { idOf, microsecondsOf, seqOf } from '../../src/audit/integrity/verification/stored-tuple.ts'
import type { ChainHead } from '../../src/audit-chain/hash-chain.ts'
import type { TakeTuple } from '../../src/storage/copy-out.ts'
import { type Forgery, hashOfTuple, type Log, writerOf } from './forgeries.ts'

/**
 * A log in memory, in the bytes in which Postgres sends it, verified by the same code as the table. What a part of it
 * says depends on the rows of that part alone, so that after a forgery only the parts that it touched are read
 * again; the rest is as it was when it was read before. Everything after that looks at the whole log.
 */
export class ForgedLog implements ChainSource {
  readonly #log: Log
  readonly #part_rows: number
  readonly #scans: Scan[] = []
  readonly #places = new Map<string, Map<number, number>>()
  #edits = new Map<number, Buffer | undefined>()
  #added: Buffer[] = []
  #chains = new Map<string, Buffer[]>()

  constructor(log: Log, part_rows: number) {
    this.#log = log
    this.#part_rows = part_rows
    for (const [writer_id, chain] of log.chains)
      this.#places.set(writer_id, new Map(chain.map((place, index) => [index + 1, place])))
    for (let first = 0; first < log.tuples.length; first += part_rows) this.#scans.push(this.#scan(first))
  }

  /** Of the log with the forgery in it. Answers also how many rows were read again, to be honest. */
  async verify(forgery?: Forgery): Promise<Verification & { read: number }> {
    this.#apply(forgery)
    const touched = new Set([...this.#edits.keys()].map((place) => Math.floor(place / this.#part_rows)))
    const sum = new ScanSum()
    let read = 0
    const scans = this.#scans.map((scan, part) => {
      if (!touched.has(part)) return scan
      const again = this.#scan(part * this.#part_rows)
      read += again.rows
      return again
    })
    const scanner = new Scanner()
    for (const tuple of this.#added) scanner.take(tuple, 0, tuple.length)
    scans.push(scanner.finish())
    sum.add({
      rows: scans.reduce((rows, scan) => rows + scan.rows, 0),
      pieces: joinPieces(scans.flatMap(({ pieces }) => pieces)),
      doubts: scans.flatMap(({ doubts }) => doubts),
      notes: scans.flatMap(({ notes }) => notes),
    })
    const result = await judgeScans(this, sum, { known_heads: this.#log.heads })
    return { ...result, read: read + this.#added.length }
  }

  async headBefore(writer_id: string, seq: number): Promise<ChainHead | undefined> {
    const before = this.#chain(writer_id).findLast((tuple) => seqOf(tuple, 0) < seq && seqOf(tuple, 0) > 0)
    if (!before) return undefined
    const found = this.#chain(writer_id).find((tuple) => seqOf(tuple, 0) === seqOf(before, 0)) ?? before
    return { writer_id, seq: seqOf(found, 0), hash: hashOfTuple(found) }
  }

  async copyChain({ writer_id, from_seq, to_seq }: ChainRange, take: TakeTuple): Promise<number> {
    const rows = this.#chain(writer_id).filter(
      (tuple) => seqOf(tuple, 0) >= from_seq && seqOf(tuple, 0) <= to_seq,
    )
    for (const tuple of rows) take(tuple, 0, tuple.length)
    return rows.length
  }

  async findHeads(named: readonly { writer_id: string; seq: number }[]): Promise<StoredHead[]> {
    const touched = this.#touchedWriters()
    return named.map(({ writer_id, seq }) => {
      if (touched.has(writer_id)) return this.#headAmong(this.#chain(writer_id), seq)
      const places = this.#places.get(writer_id)
      const tuple = this.#log.tuples[places?.get(seq) ?? -1]
      const hash = tuple ? hashOfTuple(tuple) : null
      return { hash, event_id: tuple ? idOf(tuple, 0) : null, last_seq: places?.size ?? null }
    })
  }

  #headAmong(chain: readonly Buffer[], seq: number): StoredHead {
    const tuple = chain.find((each) => seqOf(each, 0) === seq)
    const last = chain.at(-1)
    return {
      hash: tuple ? hashOfTuple(tuple) : null,
      event_id: tuple ? idOf(tuple, 0) : null,
      last_seq: last ? seqOf(last, 0) : null,
    }
  }

  #apply(forgery: Forgery | undefined): void {
    this.#edits = new Map(forgery?.removed.map((place) => [place, undefined]))
    this.#added = []
    this.#chains = new Map()
    for (const { tuple, at } of forgery?.added ?? [])
      if (at === undefined) this.#added.push(tuple)
      else this.#edits.set(at, tuple)
  }

  #scan(first: number): Scan {
    const scanner = new Scanner()
    const end = Math.min(first + this.#part_rows, this.#log.tuples.length)
    for (let place = first; place < end; place++) {
      const tuple = this.#edits.has(place) ? this.#edits.get(place) : this.#log.tuples[place]
      if (tuple) scanner.take(tuple, 0, tuple.length)
    }
    return scanner.finish()
  }

  #forgedRows(): Buffer[] {
    return [...this.#edits.values(), ...this.#added].filter((tuple) => tuple !== undefined)
  }

  #touchedWriters(): Set<string> {
    const removed = [...this.#edits.keys()].map((place) => this.#log.tuples[place] as Buffer)
    return new Set([...removed, ...this.#forgedRows()].map(writerOf))
  }

  /** As the forgery left it, by seq and time. */
  #chain(writer_id: string): Buffer[] {
    const known = this.#chains.get(writer_id)
    if (known) return known
    const places = this.#log.chains.get(writer_id) ?? []
    const kept = places
      .filter((place) => !this.#edits.has(place))
      .map((place) => this.#log.tuples[place] as Buffer)
    const chain = [...kept, ...this.#forgedRows().filter((tuple) => writerOf(tuple) === writer_id)].sort(
      (one, other) => seqOf(one, 0) - seqOf(other, 0) || microsecondsOf(one, 0) - microsecondsOf(other, 0),
    )
    this.#chains.set(writer_id, chain)
    return chain
  }
}
