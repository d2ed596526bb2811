import type { ChainHead } from '../../../audit-chain/hash-chain.ts'
import type { TakeTuple } from '../../../storage/copy-out.ts'
import type { Doubt, PassKnown } from './chain-pieces.ts'
import type { ChainRange, StoredHead, TimeRange } from './chain-store.ts'
import {
  type ChainFault,
  ChainVerifier,
  FAULTS_KEPT,
  type PassOver,
  type Predecessor,
  predecessorOf,
} from './chain-verifier.ts'
import { headFaults, predecessorFaults } from './known-heads.ts'
import type { ScanSum } from './scan-sum.ts'
import { headOf, uuidOf } from './stored-tuple.ts'

/** Where rows can be read again by their chain: the table, or whatever else holds them. */
export type ChainSource = {
  /** The last row of a chain before `seq`, and after 0. */
  headBefore(writer_id: string, seq: number): Promise<ChainHead | undefined>
  /** By seq, by time where one is there twice. */
  copyChain(range: ChainRange, take: TakeTuple): Promise<number>
  /** What is stored of each, in the same order. */
  findHeads(named: readonly { writer_id: string; seq: number }[]): Promise<StoredHead[]>
}

export type JudgeOptions = TimeRange & {
  /** Rows that must be there, known from outside the database. */
  known_heads?: readonly ChainHead[]
  /** What a chain may lack, because it left the table in order. */
  pass_over?: PassOver
  /** Whether a row that something names, and that is not there, left so. */
  has_left?: (head: ChainHead) => boolean
}

export type Verification = {
  rows: number
  writers: number
  /** The chains by the time of their first row, each by seq; the first 100. */
  faults: ChainFault[]
  fault_count: number
  /** With `from` or `to`: chains of which a row before that time was taken as it stands. */
  taken_as_given?: number
  /** With `known_heads`: how many. */
  known_heads?: number
}

/** Says what is wrong, after everything was read once. */
export async function judgeScans(
  source: ChainSource,
  sum: ScanSum,
  options: JudgeOptions = {},
): Promise<Verification> {
  const is_whole = !options.from && !options.to
  const pass_over = options.pass_over ?? ((head: ChainHead) => head)
  const verifier = new ChainVerifier(pass_over)
  const before = is_whole ? undefined : () => undefined
  for (const doubt of sum.doubts(before, passKnown(pass_over))) await readAgain(source, verifier, doubt)
  const known = await knownFaults(source, sum, options)
  const began = new Map([...sum.began()].map(([writer, at]) => [uuidOf(writer), at]))
  return {
    rows: sum.rows,
    writers: began.size,
    faults: [...verifier.faults, ...known].sort(byPlace(began)).slice(0, FAULTS_KEPT),
    fault_count: verifier.fault_count + known.length,
    ...(!is_whole && { taken_as_given: sum.begunBefore() }),
    ...(options.known_heads && { known_heads: options.known_heads.length }),
  }
}

/** Of rows that are known from elsewhere: other chains name them, or they were kept outside. */
async function knownFaults(source: ChainSource, sum: ScanSum, options: JudgeOptions): Promise<ChainFault[]> {
  const named = sum.notes.flatMap((note) => predecessorOf(note) ?? [])
  const heads = options.known_heads ?? []
  const stored = { named: await source.findHeads(named), heads: await source.findHeads(heads) }
  const hasLeft = (head: ChainHead, found: StoredHead | undefined) =>
    found?.hash === null && options.has_left?.(head) === true
  const namedHead = ({ writer_id, seq, hash }: Predecessor) => ({
    writer_id,
    seq,
    hash: Buffer.from(hash, 'hex'),
  })
  const is_named = named.map((each, index) => !hasLeft(namedHead(each), stored.named[index]))
  const is_kept = heads.map((head, index) => !hasLeft(head, stored.heads[index]))
  return [
    ...predecessorFaults(
      named.filter((_, index) => is_named[index]),
      stored.named.filter((_, index) => is_named[index]),
    ),
    ...headFaults(
      heads.filter((_, index) => is_kept[index]),
      stored.heads.filter((_, index) => is_kept[index]),
      !options.from && !options.to,
    ),
  ]
}

/** The rows of a doubt in their order, after the one before them as it is stored. */
async function readAgain(source: ChainSource, verifier: ChainVerifier, doubt: Doubt): Promise<void> {
  const { from_seq, to_seq } = doubt
  const writer_id = uuidOf(doubt.writer)
  const before = await source.headBefore(writer_id, from_seq)
  if (before) verifier.startAt(before)
  await source.copyChain({ writer_id, from_seq, to_seq }, (bytes, start, end) =>
    verifier.feedTuple(bytes, start, end),
  )
}

function passKnown(pass_over: PassOver): PassKnown {
  return (writer, seq, hash) => {
    const head = pass_over(headOf(writer, seq, hash))
    return { seq: head.seq, hash: head.hash.toString('latin1') }
  }
}

/** A writer without rows comes last. */
function byPlace(began: ReadonlyMap<string, number>): (one: ChainFault, other: ChainFault) => number {
  const at = ({ writer_id }: ChainFault) => began.get(writer_id) ?? Number.POSITIVE_INFINITY
  return (one, other) => {
    if (one.writer_id === other.writer_id) return one.seq - other.seq
    if (at(one) !== at(other)) return at(one) - at(other)
    return one.writer_id < other.writer_id ? -1 : 1
  }
}
