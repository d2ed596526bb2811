import { type AuditRow, type ChainHead, tupleOf } from '../../../audit-chain/hash-chain.ts'
import type { ChainRun } from './chain-runs.ts'
import { ChainVerifier } from './chain-verifier.ts'

/**
 * Checks the rows of one month, ordered by writer and seq, and notes its runs. Rows that are not in this month are
 * not missing: a writer goes on in other months, and one whose clock was set back has gaps in the middle.
 */
export class MonthVerifier extends ChainVerifier {
  readonly runs: ChainRun[] = []
  #last: ChainHead | undefined

  feedRow(row: AuditRow): void {
    const { writer_id, seq, prev_hash, hash } = row
    const is_next = this.#last?.writer_id === writer_id && this.#last.seq + 1 === seq
    const begins = this.#last?.writer_id !== writer_id || this.#last.seq + 1 < seq
    if (begins) this.startAt({ writer_id, seq: seq - 1, hash: prev_hash })
    this.feed(tupleOf(row))
    const run = this.runs.at(-1)
    if (is_next && run) this.runs[this.runs.length - 1] = { ...run, last_seq: seq, hash }
    else if (begins) this.runs.push({ writer_id, first_seq: seq, prev_hash, last_seq: seq, hash })
    this.#last = { writer_id, seq, hash }
  }
}
