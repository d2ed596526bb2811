import { randomUUID } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type EventWords, normaliseEvent } from '../../../../src/audit-chain/event-fields.ts'
import { type AuditRow, type ChainHead, chainRows, GENESIS } from '../../../../src/audit-chain/hash-chain.ts'
import { rowLine } from '../../../../src/audit-chain/row-line.ts'
import { writerStarted, writerStopped } from '../../../../src/audit-chain/witness.ts'

/** Local logs as a guard in mode `none` writes them, of any time. */

export const calledLocally = (tool: string, more: Partial<EventWords> = {}): EventWords => ({
  type: 'tool.decided',
  actor: { kind: 'local_user' },
  client_id: 'local',
  resource: 'http://localhost:4001/mcp',
  tool,
  decision: 'allowed',
  detail: { method: 'tools/call', needed: 'notes:read' },
  ...more,
})

export type Session = { at: Date; calls: EventWords[]; is_stopped?: boolean }

/** One chain for each session, each naming the one before. */
export function localRows(sessions: readonly Session[], before?: ChainHead): AuditRow[] {
  let last = before
  return sessions.flatMap(({ at, calls, is_stopped = true }) => {
    const events = calls.map(normaliseEvent)
    const all = [writerStarted('notes 7@laptop', last), ...events, ...(is_stopped ? [writerStopped()] : [])]
    const { rows, head } = chainRows({ writer_id: randomUUID(), seq: 0, hash: GENESIS }, all, at)
    last = head
    return rows
  })
}

export function fileOf(rows: readonly AuditRow[]): string {
  const path = join(mkdtempSync(join(tmpdir(), 'toolgate-local-')), 'calls.jsonl')
  writeFileSync(path, rows.map((row) => `${rowLine(row)}\n`).join(''))
  return path
}
