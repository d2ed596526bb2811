import type { AuditEvent } from '../../src/audit/events/audit-event.ts'
import { normaliseEvent } from '../../src/audit-chain/event-fields.ts'
import { type AuditRow, contentDigest, GENESIS, linkHash } from '../../src/audit-chain/hash-chain.ts'
import type { ChainedRow } from '../../src/audit-chain/row-bytes.ts'

export const WRITER = '5b1f6f0a-3c5e-4d7b-9a52-0c8f2f4d9e11'

/** A whole chain in memory: row n was decided in second n. */
export function chainOf(count: number, writer_id = WRITER): AuditRow[] {
  let prev_hash = GENESIS
  return Array.from({ length: count }, (_, index) => {
    const event = normaliseEvent(decided(index))
    const occurred_at = new Date(Date.UTC(2026, 6, 28, 0, 0, index))
    const id = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
    const row = linked({ ...event, occurred_at, writer_id, seq: index + 1, id }, prev_hash)
    prev_hash = row.hash
    return row
  })
}

export function linked(row: ChainedRow, prev_hash: Buffer): AuditRow {
  return { ...row, prev_hash, hash: linkHash(contentDigest(row), prev_hash) }
}

export function decided(index: number): Extract<AuditEvent, { type: 'tool.decided' }> {
  return {
    type: 'tool.decided',
    actor: { kind: 'account', id: `usr_${index % 7}` },
    account_id: `usr_${index % 7}`,
    client_id: 'https://client.example/metadata.json',
    resource: 'http://localhost:4001/mcp',
    tool: `tool_${index}`,
    decision: index % 2 === 0 ? 'allowed' : 'denied',
    scope: 'notes:read notes:write',
    grant_id: `grant_${index % 5}`,
    request_id: `req_${index}`,
    ip: '192.0.2.1',
    detail: { method: 'tools/call', needed: 'notes:write' },
  }
}
