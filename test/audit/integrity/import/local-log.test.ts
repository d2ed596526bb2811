import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkLocalLog } from '../../../../src/audit/integrity/import/local-log.ts'
import { normaliseEvent } from '../../../../src/audit-chain/event-fields.ts'
import { chainRows, isIntact } from '../../../../src/audit-chain/hash-chain.ts'
import { linked } from '../../rows.ts'
import { calledLocally, fileOf, localRows } from './local-files.ts'

const AT = new Date('2026-07-28T09:30:00.125Z')

/** Three sessions with three calls each: rows 1–5, 6–10 (of which the process was killed: 6–9), 10–14. */
function threeSessions() {
  const calls = ['a', 'b', 'c'].map((tool) => calledLocally(tool))
  return localRows([
    { at: AT, calls },
    { at: AT, calls, is_stopped: false },
    { at: AT, calls },
  ])
}

async function verificationOf(rows: ReturnType<typeof threeSessions>) {
  return (await checkLocalLog(fileOf(rows))).verification
}

describe('a local log', () => {
  it('is whole as it was written, and its last row is named', async () => {
    const rows = threeSessions()
    const last = rows.at(-1)!
    expect(await verificationOf(rows)).toMatchObject({
      rows: 14,
      writers: 3,
      fault_count: 0,
      faults: [],
      head: { writer_id: last.writer_id, seq: 5, hash: last.hash.toString('hex') },
    })
  })

  it('is whole without a row', async () => {
    expect(await verificationOf([])).toMatchObject({ rows: 0, head: null, fault_count: 0 })
  })

  it.each([
    ['a changed row', 3, 'edited', (rows) => rows.with(2, { ...rows[2]!, tool: 'z' })],
    [
      'a changed row with a new hash',
      4,
      'broken_link',
      (rows) => rows.with(2, linked({ ...rows[2]!, tool: 'z' }, rows[2]!.prev_hash)),
    ],
    ['a row that is gone', 3, 'gap', (rows) => rows.toSpliced(2, 1)],
    ['two rows in another order', 3, 'gap', (rows) => rows.with(2, rows[3]!).with(3, rows[2]!)],
    ['a row twice', 4, 'reordered', (rows) => rows.toSpliced(3, 0, rows[2]!)],
    ['a first row that is gone', 1, 'gap', (rows) => rows.slice(1)],
    ['a session that is gone', 6, 'missing_predecessor', (rows) => rows.toSpliced(5, 4)],
    ['the first session gone', 1, 'missing_predecessor', (rows) => rows.slice(5)],
    ['the end of a session gone', 9, 'missing_predecessor', (rows) => rows.toSpliced(8, 1)],
    [
      'sessions in another order',
      1,
      'missing_predecessor',
      (rows) => [...rows.slice(5, 9), ...rows.slice(0, 5)],
    ],
    ['rows after the end of a chain', 6, 'reordered', (rows) => rows.toSpliced(5, 0, after(rows[4]!))],
  ] satisfies [
    string,
    number,
    string,
    (rows: ReturnType<typeof threeSessions>) => ReturnType<typeof threeSessions>,
  ][])('shows %s, at its line', async (_, line, kind, change) => {
    const { faults, fault_count } = await verificationOf(change(threeSessions()))
    expect(faults[0]).toMatchObject({ line, kind })
    expect(fault_count).toBe(faults.length)
  })

  it('shows a line that is no row, and one without its end', async () => {
    const path = fileOf(threeSessions())
    const lines = readFileSync(path, 'utf8').split('\n')
    writeFileSync(path, lines.with(2, lines[2]!.slice(1)).join('\n'))
    expect((await checkLocalLog(path)).verification.faults[0]).toMatchObject({ line: 3, kind: 'no_row' })
    const torn = fileOf(threeSessions())
    appendFileSync(torn, '{"occurred')
    expect((await checkLocalLog(torn)).verification.faults).toMatchObject([{ line: 15, kind: 'torn' }])
  })

  it('cannot show that its end was cut off', async () => {
    expect(await verificationOf(threeSessions().slice(0, -2))).toMatchObject({ rows: 12, fault_count: 0 })
  })
})

/** A good row behind this one. */
function after({ writer_id, seq, hash }: ReturnType<typeof threeSessions>[number]) {
  const [row] = chainRows({ writer_id, seq, hash }, [normaliseEvent(calledLocally('z'))], AT).rows
  expect(isIntact(row!)).toBe(true)
  return row!
}
