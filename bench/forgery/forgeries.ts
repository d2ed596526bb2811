import {
  computedHash,
  microsecondsOf,
  seqOf,
  uuidOf,
  writerBytesOf,
} from '../../src/audit/integrity/verification/stored-tuple.ts'
import { type ChainHead, GENESIS } from '../../src/audit-chain/hash-chain.ts'
import { CONTENT_COLUMNS } from '../../src/audit-chain/row-bytes.ts'

/**
 * What somebody who may write to the database could do to the log: each forgery says which rows go, which come in
 * their place, and where verification must report it and nothing else.
 */
export type Forgery = {
  kind: ForgeryKind
  /** Rows of the log, by their place in it. */
  removed: number[]
  added: Buffer[]
  /** Every fault lies in one of these, and there is at least one. */
  expected: { writer_id: string; from_seq: number; to_seq: number }[]
}

export const FORGERY_WEIGHTS = {
  'flip a bit': 22,
  'change a value': 10,
  'change a value and hash the row anew': 8,
  'delete rows': 12,
  'insert a row': 10,
  'exchange two rows': 8,
  'exchange two rows and hash them anew': 4,
  'exchange rows of two writers': 10,
  'cut off the end': 8,
  'remove a writer': 1,
  'hash a chain anew from a changed row on': 3,
  'hash a chain anew from an inserted row on': 2,
  'hash a chain anew from a removed row on': 2,
} as const
export type ForgeryKind = keyof typeof FORGERY_WEIGHTS

/** Rows with their chains; `heads` are rows known from outside, as checkpoints keep them, with the last of each chain. */
export type Log = {
  tuples: readonly Buffer[]
  /** By writer, in the order of seq, places in `tuples`. */
  chains: ReadonlyMap<string, readonly number[]>
  heads: readonly ChainHead[]
}

/** A whole number from 0 and below `below`. */
export type Random = (below: number) => number

/** Reproducible from its seed (mulberry32). */
export function randomOf(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

const LINKS_BYTES = 72
const HASH_BYTES = 32

export function writerOf(tuple: Buffer): string {
  return uuidOf(writerBytesOf(tuple))
}

/** A tuple with another value of one column. */
export function withColumn(tuple: Buffer, column: number, value: Buffer | null): Buffer {
  const [start, end] = columnAt(tuple, column)
  const length = Buffer.alloc(4)
  length.writeInt32BE(value?.length ?? -1)
  return Buffer.concat([tuple.subarray(0, start - 4), length, value ?? Buffer.alloc(0), tuple.subarray(end)])
}

/** Where the value of a column begins and ends. */
export function columnAt(tuple: Buffer, column: number): [number, number] {
  let at = 2
  for (let passed = 0; ; passed++) {
    const length = Math.max(tuple.readInt32BE(at), 0)
    if (passed === column) return [at + 4, at + 4 + length]
    at += 4 + length
  }
}

export function withSeq(tuple: Buffer, seq: number): Buffer {
  const value = Buffer.alloc(8)
  value.writeBigInt64BE(BigInt(seq))
  return withColumn(tuple, 2, value)
}

/** The row as one that follows from `prev_hash`, with the hash that then is right. */
export function hashedAnew(tuple: Buffer, prev_hash?: Buffer): Buffer {
  const links_at = tuple.length - LINKS_BYTES
  const forged = Buffer.from(tuple)
  prev_hash?.copy(forged, links_at + 4)
  forged.write(computedHash(forged, links_at), links_at + 8 + HASH_BYTES, 'latin1')
  return forged
}

export function hashOfTuple(tuple: Buffer): Buffer {
  return tuple.subarray(tuple.length - HASH_BYTES)
}

/** Makes forgeries of a log. `is_storable`: only what Postgres would take into its columns. */
export class Forger {
  readonly #log: Log
  readonly #random: Random
  readonly #is_storable: boolean
  readonly #writers: string[]

  constructor(log: Log, random: Random, options: { is_storable: boolean }) {
    this.#log = log
    this.#random = random
    this.#is_storable = options.is_storable
    this.#writers = [...log.chains.keys()]
  }

  /** One of a kind that is drawn by its weight. */
  next(): Forgery {
    const kinds = Object.entries(FORGERY_WEIGHTS) as [ForgeryKind, number][]
    let drawn = this.#random(kinds.reduce((sum, [, weight]) => sum + weight, 0))
    for (const [kind, weight] of kinds) {
      drawn -= weight
      if (drawn < 0) return { kind, ...this.#make(kind) }
    }
    throw new Error('no kind was drawn')
  }

  #make(kind: ForgeryKind): Omit<Forgery, 'kind'> {
    const { chain, place } = this.#pick()
    const tuple = this.#tuple(chain, place)
    switch (kind) {
      case 'flip a bit':
        return this.#replaced(chain, place, this.#flipped(tuple))
      case 'change a value':
        return this.#replaced(chain, place, this.#changed(tuple))
      case 'change a value and hash the row anew':
        return this.#replaced(chain, place, hashedAnew(this.#changed(tuple)))
      case 'delete rows':
        return this.#deleted(chain, place, 1 + this.#random(50))
      case 'insert a row':
        return this.#inserted(tuple)
      case 'exchange two rows':
        return this.#exchanged(this.#pickTwo(false), false)
      case 'exchange two rows and hash them anew':
        return this.#exchanged(this.#pickTwo(false), true)
      case 'exchange rows of two writers':
        return this.#exchanged(this.#pickTwo(true), this.#random(2) === 0)
      case 'cut off the end':
        return this.#deleted(chain, place, chain.length)
      case 'remove a writer':
        return { removed: [...chain], added: [], expected: [range(tuple, 1, 1)] }
      default:
        return this.#rehashed(chain, place, kind)
    }
  }

  #pick(): { chain: readonly number[]; place: number } {
    const chain = this.#log.chains.get(this.#writers[this.#random(this.#writers.length)] ?? '') ?? []
    return { chain, place: this.#random(chain.length) }
  }

  #tuple(chain: readonly number[], place: number): Buffer {
    return this.#log.tuples[chain[place] as number] as Buffer
  }

  #replaced(chain: readonly number[], place: number, tuple: Buffer): Omit<Forgery, 'kind'> {
    const [before, seq] = [this.#tuple(chain, place), place + 1]
    const expected = [range(before, seq, seq + 1)]
    // A row under another name is missing where it was, and one too many where it is: or the first there, with a gap before.
    if (writerOf(tuple) !== writerOf(before)) expected.push(range(tuple, 1, seq + 1))
    const moved = seqOf(tuple)
    if (moved !== seq)
      expected.push(range(before, moved, moved + 1), range(before, chain.length + 1, chain.length + 1))
    return { removed: chain.slice(place, place + 1), added: [tuple], expected }
  }

  /** Any bit of any value, or one that Postgres takes: of a letter, or of a hash. */
  #flipped(tuple: Buffer): Buffer {
    const forged = Buffer.from(tuple)
    for (;;) {
      const column = this.#is_storable ? 4 + this.#random(15) : this.#random(19)
      const [start, end] = columnAt(tuple, column)
      if (start === end) continue
      const at = start + this.#random(end - start)
      const byte = forged[at] as number
      const is_link = column >= CONTENT_COLUMNS.length
      if (this.#is_storable && !is_link && !/[b-xB-X]/.test(String.fromCharCode(byte))) continue
      forged[at] = byte ^ (this.#is_storable && !is_link ? 1 : 1 << this.#random(8))
      return forged
    }
  }

  #changed(tuple: Buffer): Buffer {
    const value = Buffer.from(`forged ${this.#random(1_000_000)}`)
    // Actor to ip, without what may not be null.
    const column = 5 + this.#random(11)
    const [start, end] = columnAt(tuple, column)
    return withColumn(tuple, column, column > 5 && start < end && this.#random(3) === 0 ? null : value)
  }

  #deleted(chain: readonly number[], place: number, count: number): Omit<Forgery, 'kind'> {
    const removed = chain.slice(place, place + count)
    const first = removed.length === chain.length ? 1 : place + 1
    return { removed, added: [], expected: [range(this.#tuple(chain, place), first, first)] }
  }

  /** A second row under a seq that is taken, before or after the true one in time, with a hash that is right. */
  #inserted(tuple: Buffer): Omit<Forgery, 'kind'> {
    const time = Buffer.alloc(8)
    const seconds = this.#random(2) === 0 ? -3_600 : 3_600
    time.writeBigInt64BE(BigInt(microsecondsOf(tuple)) + BigInt(seconds) * 1_000_000n)
    const forged = hashedAnew(withColumn(this.#changed(tuple), 0, time))
    const seq = seqOf(tuple)
    return { removed: [], added: [forged], expected: [range(tuple, seq, seq + 1)] }
  }

  #pickTwo(of_two_writers: boolean): [number, number] {
    for (;;) {
      const [one, other] = [this.#pick(), this.#pick()]
      const chain = of_two_writers ? other.chain : one.chain
      if (of_two_writers ? one.chain === other.chain : chain.length < 2) continue
      const [a, b] = [one.chain[one.place], chain[this.#random(chain.length)]]
      if (a !== undefined && b !== undefined && a !== b) return [a, b]
    }
  }

  /** Each takes the other's place in its chain: writer, seq and what it follows. */
  #exchanged([a, b]: [number, number], hash_anew: boolean): Omit<Forgery, 'kind'> {
    const [one, other] = [this.#log.tuples[a] as Buffer, this.#log.tuples[b] as Buffer]
    const moved = (tuple: Buffer, to: Buffer) => {
      const placed = [1, 2].reduce(
        (made, column) => withColumn(made, column, to.subarray(...columnAt(to, column))),
        tuple,
      )
      const prev_hash = to.subarray(...columnAt(to, CONTENT_COLUMNS.length))
      return hash_anew ? hashedAnew(placed, prev_hash) : placed
    }
    return {
      removed: [a, b],
      added: [moved(one, other), moved(other, one)],
      expected: [one, other].map((tuple) => range(tuple, seqOf(tuple), seqOf(tuple) + 1)),
    }
  }

  /** All that follows is right in itself: only what was kept elsewhere shows it, at the next row that was. */
  #rehashed(chain: readonly number[], place: number, kind: ForgeryKind): Omit<Forgery, 'kind'> {
    const suffix = chain.slice(place).map((at) => this.#log.tuples[at] as Buffer)
    const [first = Buffer.alloc(0), ...rest] = suffix
    if (kind.includes('removed')) suffix.shift()
    else if (kind.includes('inserted')) suffix.unshift(this.#changed(first))
    else suffix.splice(0, suffix.length, this.#changed(first), ...rest)
    let prev_hash = place === 0 ? GENESIS : hashOfTuple(this.#tuple(chain, place - 1))
    const added = suffix.map((tuple, index) => {
      const forged = hashedAnew(withSeq(tuple, place + 1 + index), prev_hash)
      prev_hash = hashOfTuple(forged)
      return forged
    })
    const writer_id = writerOf(first)
    const kept = this.#log.heads.filter((head) => head.writer_id === writer_id && head.seq > place)
    const next = Math.min(...kept.map(({ seq }) => seq))
    const expected = [{ writer_id, from_seq: place + 1, to_seq: next }]
    if (kind.includes('removed')) {
      // The chain is shorter by one, or gone.
      const last = chain.length === 1 ? 1 : chain.length
      expected.push({ writer_id, from_seq: last, to_seq: last })
    }
    return { removed: chain.slice(place), added, expected }
  }
}

function range(tuple: Buffer, from_seq: number, to_seq: number): Forgery['expected'][number] {
  return { writer_id: writerOf(tuple), from_seq, to_seq }
}
