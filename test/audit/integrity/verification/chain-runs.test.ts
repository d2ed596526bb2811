import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  type ChainRun,
  chainRunSchema,
  headAfterRuns,
  isInRuns,
  joinRuns,
  type KnownRuns,
  knownRuns,
  missingRuns,
} from '../../../../src/audit/integrity/verification/chain-runs.ts'
import { ChainVerifier } from '../../../../src/audit/integrity/verification/chain-verifier.ts'
import { MonthVerifier } from '../../../../src/audit/integrity/verification/month-verifier.ts'
import { type AuditRow, GENESIS, tupleOf } from '../../../../src/audit-chain/hash-chain.ts'
import { chainOf } from '../../rows.ts'

const OTHER_WRITER = 'c0ffee00-0000-4000-8000-000000000000'
const ROWS = chainOf(30)
const START = { writer_id: ROWS[0]!.writer_id, seq: 0, hash: GENESIS }

function runOf(first: number, last: number, rows: readonly AuditRow[] = ROWS): ChainRun {
  const [from, to] = [rows[first - 1]!, rows[last - 1]!]
  return {
    writer_id: from.writer_id,
    first_seq: first,
    prev_hash: from.prev_hash,
    last_seq: last,
    hash: to.hash,
  }
}

function passing(known: KnownRuns): ChainVerifier {
  return new ChainVerifier((head) => headAfterRuns(known, head))
}

/** Cuts a chain into runs at these places. */
const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 29 }), { maxLength: 8 }).map((places) => {
  const ends = [...places.sort((a, b) => a - b), 30]
  return ends.map((end, index) => runOf((ends[index - 1] ?? 0) + 1, end))
})

describe('runs of a chain', () => {
  it('join to the whole however it was cut and in whatever order they come', () => {
    fc.assert(
      fc.property(cuts.chain(fc.shuffledSubarray), cuts, (some, all) => {
        expect(joinRuns(all.toReversed())).toEqual([runOf(1, 30)])
        const { missing, faults } = missingRuns(some)
        expect(faults).toEqual([])
        const end = Math.max(0, ...some.map(({ last_seq }) => last_seq))
        expect(joinRuns([...some, ...missing])).toEqual(end === 0 ? [] : [runOf(1, end)])
      }),
    )
  })

  it('let verification go on exactly where they end', () => {
    fc.assert(
      fc.property(cuts, fc.integer({ min: 0, max: 7 }), (runs, dropped) => {
        const known = runs.slice(0, Math.min(dropped, runs.length - 1))
        const end = known.at(-1)?.last_seq ?? 0
        const verifier = passing(knownRuns(known))
        for (const row of ROWS.slice(end)) verifier.feed(tupleOf(row))
        expect(verifier.faults).toEqual([])
        const lost = passing(knownRuns(known))
        for (const row of ROWS.slice(end + 1)) lost.feed(tupleOf(row))
        if (end < 29) expect(lost.faults).toMatchObject([{ kind: 'gap', seq: end + 1 }])
      }),
    )
  })

  it('bridge the middle only between the rows that they name', () => {
    const verifier = passing(knownRuns([runOf(11, 20)]))
    for (const row of [...ROWS.slice(0, 10), ...ROWS.slice(20)]) verifier.feed(tupleOf(row))
    expect(verifier.faults).toEqual([])
    const forged = chainOf(30, OTHER_WRITER).map((row) => ({ ...row, writer_id: ROWS[0]!.writer_id }))
    const bridged = passing(knownRuns([{ ...runOf(11, 20), prev_hash: forged[9]!.hash }]))
    for (const row of [...ROWS.slice(0, 10), ...ROWS.slice(20)]) bridged.feed(tupleOf(row))
    expect(bridged.faults).toMatchObject([{ kind: 'gap', seq: 11 }])
  })

  it('know their rows, and the hash of the last', () => {
    const known = knownRuns([runOf(1, 10)])
    expect(headAfterRuns(known, START)).toEqual({ ...START, seq: 10, hash: ROWS[9]!.hash })
    expect(isInRuns(known, ROWS[9]!)).toBe(true)
    expect(isInRuns(known, { ...ROWS[9]!, hash: GENESIS })).toBe(false)
    expect(isInRuns(known, ROWS[4]!)).toBe(true)
    expect(isInRuns(known, ROWS[10]!)).toBe(false)
    expect(isInRuns(known, { ...ROWS[4]!, writer_id: OTHER_WRITER })).toBe(false)
  })

  it('that overlap or do not follow from each other are faults', () => {
    expect(missingRuns([runOf(1, 10), runOf(8, 20)]).faults).toMatchObject([{ kind: 'reordered', seq: 8 }])
    const broken = { ...runOf(11, 20), prev_hash: GENESIS }
    expect(missingRuns([runOf(1, 10), broken]).faults).toMatchObject([{ kind: 'broken_link', seq: 11 }])
  })

  it('are the same after a way through JSON, and nothing else is a run', () => {
    const run = runOf(3, 9)
    expect(chainRunSchema.parse(JSON.parse(JSON.stringify(z.encode(chainRunSchema, run))))).toEqual(run)
    for (const wrong of [{ first_seq: 10 }, { last_seq: 0 }, { hash: 'AB' }, { writer_id: 'x' }, { more: 1 }])
      expect(chainRunSchema.safeParse({ ...z.encode(chainRunSchema, run), ...wrong }).success).toBe(false)
  })
})

describe('MonthVerifier', () => {
  it('finds the runs of a month that holds any part of any chains', () => {
    const other = chainOf(30, OTHER_WRITER)
    fc.assert(
      fc.property(fc.subarray([...ROWS, ...other]), (rows) => {
        const month = new MonthVerifier()
        for (const row of rows) month.feedRow(row)
        expect(month.faults).toEqual([])
        expect(month.rows).toBe(rows.length)
        const places = month.runs.flatMap((run) =>
          Array.from({ length: run.last_seq - run.first_seq + 1 }, (_, index) => [
            run.writer_id,
            run.first_seq + index,
          ]),
        )
        expect(places).toEqual(rows.map(({ writer_id, seq }) => [writer_id, seq]))
        for (const run of month.runs)
          expect(run).toEqual(
            runOf(run.first_seq, run.last_seq, run.writer_id === OTHER_WRITER ? other : ROWS),
          )
      }),
    )
  })

  it('finds a changed row, one that does not follow, and one that is there twice', () => {
    const faults = (rows: AuditRow[]) => {
      const month = new MonthVerifier()
      for (const row of rows) month.feedRow(row)
      return month.faults
    }
    expect(faults(ROWS.with(5, { ...ROWS[5]!, tool: 'x' }))).toMatchObject([{ kind: 'edited', seq: 6 }])
    expect(faults(ROWS.toSpliced(5, 0, ROWS[4]!))).toMatchObject([{ kind: 'reordered', seq: 5 }])
    const [, second] = chainOf(2, ROWS[0]!.writer_id).map((row) => row)
    expect(faults([ROWS[0]!, { ...second!, prev_hash: GENESIS }]).length).toBeGreaterThan(0)
  })
})
