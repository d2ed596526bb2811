import {
  type ChainFault,
  ChainVerifier,
  type Predecessor,
} from '../../src/audit/integrity/verification/chain-verifier.ts'
import { knownFaults, type StoredHead } from '../../src/audit/integrity/verification/known-heads.ts'
import { idOf, microsecondsOf, seqOf } from '../../src/audit/integrity/verification/stored-tuple.ts'
import type { ChainHead } from '../../src/audit-chain/hash-chain.ts'
import { type Forgery, hashOfTuple, type Log, writerOf } from './forgeries.ts'

export type Judged = { faults: ChainFault[]; read: number }

/**
 * A log in memory, in the bytes in which Postgres sends it, verified by the same code as the table. What the rows of a
 * chain say depends on that chain alone, so that after a forgery only the chains that it touched are read again; the
 * rest is as it was when it was read before. What rows of other chains or heads name is looked up in the whole log.
 */
export class ForgedLog {
  readonly #log: Log
  readonly #untouched = new ChainVerifier()

  constructor(log: Log) {
    this.#log = log
    for (const writer_id of log.chains.keys())
      for (const tuple of this.#original(writer_id)) this.#untouched.feed(tuple)
  }

  /** What is wrong before any forgery. */
  get faults(): readonly ChainFault[] {
    return this.#untouched.faults
  }

  /** Of the log with the forgery in it. Answers also how many rows were read again, to be honest. */
  async verify(forgery: Forgery): Promise<Judged> {
    const chains = this.#touchedChains(forgery)
    const verifier = new ChainVerifier()
    for (const chain of chains.values()) for (const tuple of chain) verifier.feed(tuple)
    const is_untouched = ({ successor }: Predecessor) => !chains.has(successor)
    const predecessors = [...this.#untouched.predecessors.filter(is_untouched), ...verifier.predecessors]
    const find = async (heads: readonly ChainHead[]) =>
      heads.map((head) => this.#stored(head, chains.get(head.writer_id)))
    const known = await knownFaults(predecessors, find, { known_heads: this.#log.heads })
    return { faults: [...verifier.faults, ...known], read: verifier.rows }
  }

  /** Of a chain that was not touched, every row is at its place. */
  #stored({ writer_id, seq }: ChainHead, touched: readonly Buffer[] | undefined): StoredHead {
    const places = this.#log.chains.get(writer_id) ?? []
    const last = touched ? touched.at(-1) : this.#log.tuples[places.at(-1) ?? -1]
    const tuple = touched
      ? touched.find((each) => seqOf(each) === seq)
      : this.#log.tuples[places[seq - 1] ?? -1]
    return {
      hash: tuple ? hashOfTuple(tuple) : null,
      event_id: tuple ? idOf(tuple) : null,
      last_seq: last ? seqOf(last) : null,
    }
  }

  #original(writer_id: string): Buffer[] {
    return this.#tuples(this.#log.chains.get(writer_id) ?? [])
  }

  #tuples(places: readonly number[]): Buffer[] {
    return places.map((place) => this.#log.tuples[place] as Buffer)
  }

  /** As the forgery left them, each by seq and time. */
  #touchedChains({ removed, added }: Forgery): Map<string, Buffer[]> {
    const gone = new Set(this.#tuples(removed))
    const writers = new Set([...gone, ...added].map(writerOf))
    return new Map(
      [...writers].map((writer_id) => {
        const kept = this.#original(writer_id).filter((tuple) => !gone.has(tuple))
        const chain = [...kept, ...added.filter((tuple) => writerOf(tuple) === writer_id)]
        return [writer_id, chain.sort(byPlace)] as const
      }),
    )
  }
}

function byPlace(one: Buffer, other: Buffer): number {
  return seqOf(one) - seqOf(other) || microsecondsOf(one) - microsecondsOf(other)
}
