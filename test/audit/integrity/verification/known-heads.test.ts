import { describe, expect, it } from 'vitest'
import { type KnownOptions, knownFaults } from '../../../../src/audit/integrity/verification/known-heads.ts'
import type { AuditRow, ChainHead } from '../../../../src/audit-chain/hash-chain.ts'
import { headOf, LATER_WRITER } from '../../proofs.ts'
import { chainOf, WRITER } from '../../rows.ts'

const ROWS = chainOf(9)
const HEAD = headOf(ROWS)

/** What these rows say about heads that were kept elsewhere, read in part or whole. */
async function faultsOf(rows: readonly AuditRow[], options: KnownOptions = {}, is_partial = true) {
  const find = async (heads: readonly ChainHead[]) =>
    heads.map(({ writer_id, seq }) => {
      const chain = rows.filter((row) => row.writer_id === writer_id)
      const row = chain.find((each) => each.seq === seq)
      return { hash: row?.hash ?? null, event_id: row?.id ?? null, last_seq: chain.at(-1)?.seq ?? null }
    })
  const faults = await knownFaults([], find, { known_heads: [HEAD], ...options }, is_partial)
  return faults.map(({ writer_id, seq, kind }) => [writer_id, seq, kind])
}

describe('heads that were kept elsewhere', () => {
  it('find nothing where every row that is named is there, and more', async () => {
    expect(await faultsOf(ROWS)).toEqual([])
    expect(await faultsOf(chainOf(12))).toEqual([])
  })

  it('find a chain that was cut off, removed, replaced, or that lost this row', async () => {
    expect(await faultsOf(ROWS.slice(0, 8))).toEqual([[WRITER, 9, 'cut_off']])
    expect(await faultsOf(chainOf(9, LATER_WRITER))).toEqual([[WRITER, 1, 'missing_writer']])
    expect(await faultsOf(ROWS.with(8, { ...ROWS[8]!, hash: Buffer.alloc(32) }))).toEqual([
      [WRITER, 9, 'rewritten'],
    ])
    expect(await faultsOf(chainOf(12).toSpliced(8, 1))).toEqual([[WRITER, 9, 'gap']])
  })

  it('leave gaps to whoever reads all rows, and forgive what left in order', async () => {
    expect(await faultsOf(chainOf(12).toSpliced(8, 1), {}, false)).toEqual([])
    expect(await faultsOf([], { has_left: ({ seq }) => seq === 9 })).toEqual([])
  })

  it('name the first of several that differ, because all after it do', async () => {
    const known_heads = [3, 5, 9].map((seq) => headOf(ROWS.slice(0, seq)))
    const forged = ROWS.map((row) => (row.seq < 5 ? row : { ...row, hash: Buffer.alloc(32) }))
    expect(await faultsOf(forged, { known_heads })).toEqual([[WRITER, 5, 'rewritten']])
  })
})
