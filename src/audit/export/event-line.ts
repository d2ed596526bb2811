import { auditText } from '../../audit-chain/event-fields.ts'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'

const SHOWN = [
  'actor',
  'account_id',
  'client_id',
  'resource',
  'tool',
  'scope',
  'grant_id',
  'token_id',
  'request_id',
  'ip',
] as const

/** One event on one line: time, type, decision, then what is present as name=value. */
export function eventLine(event: Omit<AuditRow, 'prev_hash' | 'hash'>): string {
  const fields = SHOWN.flatMap((name) => (event[name] === null ? [] : [`${name}=${quoted(event[name])}`]))
  const detail = event.detail === null ? [] : [`detail=${auditText(JSON.stringify(event.detail), 8_192)}`]
  return [event.occurred_at.toISOString(), event.type, event.decision, ...fields, ...detail]
    .filter((word) => word !== null)
    .join(' ')
}

// Cleaned once more: whoever could write to the table past the log must not steer the reader's terminal.
function quoted(value: string): string {
  const clean = auditText(value, 2_048) ?? ''
  return /^[^\s"=]+$/.test(clean) ? clean : JSON.stringify(clean)
}
