import type { AuditRow } from '../../audit-chain/hash-chain.ts'

/** An event with all its columns for JSON; hashes as lower-case hex, times as RFC 3339 in UTC, what is absent null. */
export type EventDocument = Omit<AuditRow, 'prev_hash' | 'hash'> & { prev_hash: string; hash: string }

export function eventDocument({ prev_hash, hash, ...event }: AuditRow): EventDocument {
  return { ...event, prev_hash: prev_hash.toString('hex'), hash: hash.toString('hex') }
}

/** One line of JSON Lines. Nothing in a JSON text can end a line but what stands between two of them. */
export function jsonLine(event: AuditRow): string {
  return `${JSON.stringify(eventDocument(event))}\n`
}
