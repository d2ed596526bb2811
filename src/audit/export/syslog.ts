import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { failureOf } from '../events/audit-event.ts'
import { eventDocument } from './json-lines.ts'

/** RFC 5424 §6.2.1: facility 13 is “log audit”. */
const FACILITY = 13
/** Critical, warning, informational. */
const SEVERITY = { severe: 2, failed: 4, none: 6 } as const

/** RFC 5424 §6.3.2; 32473 is the number that RFC 5612 keeps for documentation. */
const SD_ID = 'toolgate@32473'

/** In the header already. */
const IN_HEADER = new Set(['occurred_at', 'type'])
// Whoever wrote past the log must not begin a line: what ends one anywhere becomes a replacement character.
const LINE_BREAKING = /[\p{Cc}\u2028\u2029]/gu

/** RFC 5424 §6.3.3: `"`, `\` and `]` MUST be escaped. */
function parameter(name: string, value: unknown): string {
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  const safe = text.toWellFormed().replace(LINE_BREAKING, '\ufffd')
  return ` ${name}="${safe.replace(/["\\\]]/g, '\\$&')}"`
}

/** PRINTUSASCII of a limited length, or the NILVALUE. */
function headerField(value: string, max: number): string {
  return value.replace(/[^\x21-\x7e]/g, '').slice(0, max) || '-'
}

/** One message of RFC 5424: no host name, the writer as PROCID, the type as MSGID, all columns as structured data. */
export function syslogLine(event: AuditRow): string {
  const priority = FACILITY * 8 + SEVERITY[failureOf(event) ?? 'none']
  const header = [
    `<${priority}>1`,
    event.occurred_at.toISOString(),
    '-',
    'toolgate',
    headerField(event.writer_id, 128),
    headerField(event.type, 32),
  ]
  const parameters = Object.entries(eventDocument(event))
    .filter(([name, value]) => value !== null && !IN_HEADER.has(name))
    .map(([name, value]) => parameter(name, value))
  // ASCII, so that no byte order mark is due (§6.4).
  const message = [event.type, event.decision ?? '']
    .map((word) => headerField(word, 64))
    .filter((word) => word !== '-')
  return `${header.join(' ')} [${SD_ID}${parameters.join('')}] ${message.join(' ')}\n`
}
