import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Scan, Scanner } from '../../../../src/audit/integrity/verification/chain-pieces.ts'
import {
  type ChainFault,
  ChainVerifier,
} from '../../../../src/audit/integrity/verification/chain-verifier.ts'
import { type ChainSource, judgeScans } from '../../../../src/audit/integrity/verification/judgement.ts'
import { ScanSum } from '../../../../src/audit/integrity/verification/scan-sum.ts'
import type { AuditRow, ChainHead } from '../../../../src/audit-chain/hash-chain.ts'
import { chainOf, linked } from '../../rows.ts'
import { tupleOf } from '../../tuples.ts'

const WRITERS = ['a0000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-000000000002']
const CHAINS = WRITERS.map((writer_id) => chainOf(24, writer_id))
const ROWS = CHAINS.flat()

/** What the rows say when they are read one after the other in their order. */
function inOrder(rows: readonly AuditRow[]): ChainFault[] {
  const verifier = new ChainVerifier()
  for (const row of sorted(rows)) verifier.feed(row)
  return verifier.faults
}

function sorted(rows: readonly AuditRow[]): AuditRow[] {
  return rows.toSorted(
    (one, other) =>
      one.writer_id.localeCompare(other.writer_id) ||
      one.seq - other.seq ||
      one.occurred_at.getTime() - other.occurred_at.getTime(),
  )
}

function sourceOf(rows: readonly AuditRow[]): ChainSource {
  const chain = (writer_id: string) => sorted(rows).filter((row) => row.writer_id === writer_id)
  return {
    async headBefore(writer_id, seq): Promise<ChainHead | undefined> {
      const last = chain(writer_id).findLast((row) => row.seq < seq && row.seq > 0)
      return last && chain(writer_id).find((row) => row.seq === last.seq)
    },
    async copyChain({ writer_id, from_seq, to_seq }, take) {
      const found = chain(writer_id).filter(({ seq }) => from_seq <= seq && seq <= to_seq)
      for (const row of found.map(tupleOf)) take(row, 0, row.length)
      return found.length
    },
    findHeads: async () => [],
  }
}

function scanOf(rows: readonly AuditRow[]): Scan {
  const scanner = new Scanner()
  for (const tuple of rows.map(tupleOf)) scanner.take(tuple, 0, tuple.length)
  return scanner.finish()
}

/** The same rows, cut into parts that come in any order. */
async function inParts(parts: readonly (readonly AuditRow[])[], pieces_max?: number): Promise<ChainFault[]> {
  const sum = new ScanSum(pieces_max)
  for (const part of parts) sum.add(scanOf(part))
  const { faults } = await judgeScans(sourceOf(parts.flat()), sum)
  return faults
}

/** Something done to some rows: nothing is too wild, as long as a table could hold it. */
const damage = fc.oneof(
  fc.record({
    what: fc.constant('remove' as const),
    at: fc.nat(ROWS.length - 1),
    count: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({ what: fc.constant('change' as const), at: fc.nat(ROWS.length - 1) }),
  fc.record({ what: fc.constant('change and hash' as const), at: fc.nat(ROWS.length - 1) }),
  fc.record({
    what: fc.constant('renumber' as const),
    at: fc.nat(ROWS.length - 1),
    seq: fc.integer({ min: -3, max: 30 }),
  }),
  fc.record({ what: fc.constant('double' as const), at: fc.nat(ROWS.length - 1), later: fc.boolean() }),
  fc.record({ what: fc.constant('move' as const), at: fc.nat(ROWS.length - 1) }),
)
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never

function damaged(rows: readonly AuditRow[], done: Damage, count: number): AuditRow[] {
  const row = rows[done.at % rows.length]
  if (!row) return [...rows]
  const at = rows.indexOf(row)
  if (done.what === 'remove') return rows.toSpliced(at, done.count)
  if (done.what === 'change') return rows.with(at, { ...row, tool: 'forged' })
  if (done.what === 'change and hash') return rows.with(at, linked({ ...row, tool: 'forged' }, row.prev_hash))
  if (done.what === 'renumber') return rows.with(at, { ...row, seq: done.seq })
  if (done.what === 'move') {
    const other = WRITERS.find((writer_id) => writer_id !== row.writer_id) ?? ''
    return rows.with(at, { ...row, writer_id: other })
  }
  const hours = (done.later ? 1 : -1) * (count + 1)
  const occurred_at = new Date(row.occurred_at.getTime() + hours * 3_600_000)
  return [...rows, linked({ ...row, tool: 'forged', occurred_at }, row.prev_hash)]
}

/** No two rows under one key, as in a table. */
function storable(rows: readonly AuditRow[]): AuditRow[] {
  const key = ({ writer_id, seq, occurred_at }: AuditRow) => `${writer_id} ${seq} ${occurred_at.getTime()}`
  return [...new Map(rows.map((row) => [key(row), row])).values()]
}

const damagedRows = fc
  .array(damage, { maxLength: 5 })
  .map((all) => storable(all.reduce<AuditRow[]>((rows, done, index) => damaged(rows, done, index), ROWS)))

/** Rows in any order, cut anywhere. */
const cutRows = damagedRows.chain((rows) =>
  fc.record({
    rows: fc.constant(rows),
    shuffled: fc.oneof(
      fc.constant(rows),
      fc.shuffledSubarray(rows, { minLength: rows.length, maxLength: rows.length }),
    ),
    cuts: fc.array(fc.nat(rows.length), { maxLength: 6 }),
  }),
)

function cutAt(rows: readonly AuditRow[], cuts: readonly number[]): AuditRow[][] {
  const edges = [0, ...cuts.toSorted((one, other) => one - other), rows.length]
  return edges.slice(1).map((end, index) => rows.slice(edges[index], end))
}

const places = (faults: readonly ChainFault[]) =>
  faults.map(({ writer_id, seq, kind, message, event_id }) => [writer_id, seq, kind, message, event_id])

describe('chains read in parts', () => {
  it('say the same as when they are read in order, however they are cut and whatever was done to them', async () => {
    await fc.assert(
      fc.asyncProperty(cutRows, async ({ rows, shuffled, cuts }) => {
        const found = places(await inParts(cutAt(shuffled, cuts)))
        expect(found.toSorted()).toEqual(places(inOrder(rows)).toSorted())
      }),
      { numRuns: 300 },
    )
  })

  it('say it in the same order, whichever part is read first', async () => {
    await fc.assert(
      fc.asyncProperty(cutRows, async ({ rows, shuffled, cuts }) => {
        const parts = cutAt(shuffled, cuts)
        expect(await inParts(parts.toReversed())).toEqual(await inParts([rows]))
      }),
      { numRuns: 150 },
    )
  })

  it('say the same when the rows lie in no order at all, and are read in theirs', async () => {
    await fc.assert(
      fc.asyncProperty(cutRows, async ({ rows, shuffled, cuts }) => {
        expect(await inParts(cutAt(shuffled, cuts), 1)).toEqual(await inParts([rows]))
      }),
      { numRuns: 100 },
    )
  })

  it('are whole in every order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(ROWS, { minLength: ROWS.length, maxLength: ROWS.length }),
        fc.array(fc.nat(ROWS.length)),
        async (shuffled, cuts) => {
          expect(await inParts(cutAt(shuffled, cuts))).toEqual([])
        },
      ),
    )
  })
})
