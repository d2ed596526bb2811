import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type ChainFault,
  ChainVerifier,
} from '../../../../src/audit/integrity/verification/chain-verifier.ts'
import { type AuditRow, GENESIS, tupleOf } from '../../../../src/audit-chain/hash-chain.ts'
import { chainOf, linked } from '../../rows.ts'

function faultsOf(rows: readonly AuditRow[]): ChainFault[] {
  const verifier = new ChainVerifier()
  for (const row of rows) verifier.feed(tupleOf(row))
  return verifier.faults
}

/** What a forger does who knows the format: every hash computed anew. */
function relinked(rows: readonly AuditRow[]): AuditRow[] {
  let prev_hash = GENESIS
  return rows.map((row) => {
    const forged = linked(row, prev_hash)
    prev_hash = forged.hash
    return forged
  })
}

const ROWS = chainOf(40)
const OTHER_WRITER = 'c0ffee00-0000-4000-8000-000000000000'
const position = fc.integer({ min: 0, max: ROWS.length - 1 })
/** Not the last row: that a chain lost its end shows only against a checkpoint. */
const middle = fc.integer({ min: 0, max: ROWS.length - 2 })

const edits: Record<string, (row: AuditRow) => AuditRow> = {
  occurred_at: (row) => ({ ...row, occurred_at: new Date(row.occurred_at.getTime() + 1) }),
  id: (row) => ({ ...row, id: OTHER_WRITER }),
  type: (row) => ({ ...row, type: 'token.issued' }),
  actor_kind: (row) => ({ ...row, actor_kind: 'server' }),
  actor_id: (row) => ({ ...row, actor_id: `${row.actor_id} ` }),
  account_id: (row) => ({ ...row, account_id: null }),
  client_id: (row) => ({ ...row, client_id: row.resource, resource: row.client_id }),
  tool: (row) => ({ ...row, tool: '' }),
  decision: (row) => ({ ...row, decision: row.decision === 'allowed' ? 'denied' : 'allowed' }),
  scope: (row) => ({ ...row, scope: 'notes:read' }),
  grant_id: (row) => ({ ...row, grant_id: null, token_id: row.grant_id }),
  request_id: (row) => ({ ...row, request_id: 'req' }),
  ip: (row) => ({ ...row, ip: '192.0.2.2' }),
  detail: (row) => ({ ...row, detail: { ...row.detail, needed: '' } }),
  writer_id: (row) => ({ ...row, writer_id: OTHER_WRITER }),
  prev_hash: (row) => ({ ...row, prev_hash: Buffer.alloc(32, 7) }),
  hash: (row) => ({ ...row, hash: Buffer.alloc(32, 7) }),
}

describe('ChainVerifier', () => {
  it('finds nothing in a whole chain, nor in chains mixed with each other', () => {
    const other = chainOf(40, OTHER_WRITER)
    expect(faultsOf(ROWS)).toEqual([])
    expect(faultsOf(ROWS.flatMap((row, index) => [row, other[index]!]))).toEqual([])
  })

  it('finds any edit of any column, at its row', () => {
    fc.assert(
      fc.property(position, fc.constantFrom(...Object.keys(edits)), (index, column) => {
        const [first] = faultsOf(ROWS.with(index, edits[column]!(ROWS[index]!)))
        if (column === 'writer_id') expect(first).toBeDefined()
        else expect(first).toMatchObject({ seq: index + 1, kind: 'edited' })
      }),
    )
  })

  it('finds rows that were edited and hashed anew, by the first row after them', () => {
    fc.assert(
      fc.property(middle, (index) => {
        const forged = relinked(ROWS.slice(0, index + 1).map((row) => edits.scope!(row)))
        expect(faultsOf([...forged, ...ROWS.slice(index + 1)])).toMatchObject([
          { seq: index + 2, kind: 'broken_link' },
        ])
      }),
    )
  })

  it('finds a row removed from the middle, naming the first that is missing', () => {
    fc.assert(
      fc.property(middle, fc.integer({ min: 1, max: 5 }), (index, count) => {
        const removed = Math.min(count, ROWS.length - 1 - index)
        expect(faultsOf(ROWS.toSpliced(index, removed))).toMatchObject([{ seq: index + 1, kind: 'gap' }])
      }),
    )
  })

  it('finds two rows that changed places, whether they kept their seq or not', () => {
    fc.assert(
      fc.property(position, position, (a, b) => {
        fc.pre(a !== b)
        const [low, high] = [Math.min(a, b), Math.max(a, b)]
        const moved = ROWS.with(a, ROWS[b]!).with(b, ROWS[a]!)
        expect(faultsOf(moved)[0]).toMatchObject({ seq: low + 1, kind: 'gap' })
        const renumbered = moved.map((row, index) => ({ ...row, seq: index + 1 }))
        const found = faultsOf(renumbered).map(({ seq }) => seq)
        expect(found).toContain(low + 1)
        expect(found).toContain(high + 1)
      }),
    )
  })

  it('finds a row that is there twice', () => {
    fc.assert(
      fc.property(position, (index) => {
        const doubled = ROWS.toSpliced(index, 0, ROWS[index]!)
        expect(faultsOf(doubled)).toMatchObject([{ seq: index + 1, kind: 'reordered' }])
      }),
    )
  })

  it('keeps the first hundred faults and counts them all', () => {
    const verifier = new ChainVerifier()
    for (const row of chainOf(150)) verifier.feed(tupleOf({ ...row, tool: 'forged' }))
    expect(verifier.fault_count).toBe(150)
    expect(verifier.faults).toHaveLength(100)
    expect(verifier.faults[0]).toMatchObject({ seq: 1, kind: 'edited' })
  })
})
