import { actorText } from '../../audit-chain/actor.ts'
import { auditText, TEXT_COLUMNS } from '../../audit-chain/event-fields.ts'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'

const SHOWN = TEXT_COLUMNS.filter((column) => column !== 'decision')

/** One event on one line: time, type, decision, then what is present as name=value. */
export function eventLine(event: Omit<AuditRow, 'prev_hash' | 'hash'>): string {
  const texts = SHOWN.flatMap((name) => (event[name] === null ? [] : [`${name}=${quoted(event[name])}`]))
  const fields = [`actor=${quoted(actorText(event.actor_kind, event.actor_id))}`, ...texts]
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
