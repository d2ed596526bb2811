import { hash } from 'node:crypto'
import type { AuditDetail, AuditFields } from './audit-event.ts'

/** Pure: the bytes of a row and the hash that ties it to the row before it. Byte for byte in docs/audit-format.md. */
export type ChainedRow = AuditFields & {
  occurred_at: Date
  /** Lower-case UUID. */
  writer_id: string
  /** From 1, without gaps, within its writer. */
  seq: number
  id: string
}

export type AuditRow = ChainedRow & { prev_hash: Buffer; hash: Buffer }

/** The last row of a writer; `seq` 0 and the hash GENESIS before its first. */
export type ChainHead = { writer_id: string; seq: number; hash: Buffer }

const HASH_BYTES = 32
const FORMAT = 1

/** Stands before the first row of every writer. */
export const GENESIS: Buffer = Buffer.alloc(HASH_BYTES)

/** The row as canonical JSON in UTF-8: an array of the fields in fixed order, null where absent. */
export function canonicalBytes(row: ChainedRow): Buffer {
  return Buffer.from(canonicalText(row), 'utf8')
}

/** SHA-256(prev_hash ‖ canonical bytes). */
export function linkHash(prev_hash: Buffer, row: ChainedRow): Buffer {
  return hashOf(prev_hash, canonicalText(row))
}

function hashOf(prev_hash: Buffer, canonical: string): Buffer {
  const bytes = Buffer.allocUnsafe(prev_hash.length + Buffer.byteLength(canonical, 'utf8'))
  prev_hash.copy(bytes)
  bytes.write(canonical, prev_hash.length, 'utf8')
  return hash('sha256', bytes, 'buffer')
}

/** A row with the text that its hash covers, so that what is stored is what was hashed. */
export type LinkedRow = AuditRow & { canonical: string }

/** Ties events to a chain, in order. `id` names each row. */
export function extendChain(
  head: ChainHead,
  events: readonly AuditFields[],
  occurred_at: Date,
  id: () => string,
): { rows: LinkedRow[]; head: ChainHead } {
  const { writer_id } = head
  let { seq, hash: prev_hash } = head
  const rows = events.map((event) => {
    seq += 1
    const row = { ...event, occurred_at, writer_id, seq, id: id() }
    const canonical = canonicalText(row)
    const link = hashOf(prev_hash, canonical)
    const linked = { ...row, prev_hash, hash: link, canonical }
    prev_hash = link
    return linked
  })
  return { rows, head: { writer_id, seq, hash: prev_hash } }
}

// By hand, because every introspection pays for it: building an array for JSON.stringify costs twice as much.
function canonicalText(row: ChainedRow): string {
  return (
    `[${FORMAT},"${row.writer_id}",${row.seq},${row.occurred_at.getTime()},"${row.id}",` +
    `${text(row.type)},${text(row.actor)},${text(row.account_id)},${text(row.client_id)},${text(row.resource)},` +
    `${text(row.tool)},${text(row.decision)},${text(row.scope)},${text(row.grant_id)},${text(row.token_id)},` +
    `${text(row.request_id)},${text(row.ip)},${canonicalDetail(row.detail)}]`
  )
}

function text(value: string | null): string {
  return value === null ? 'null' : JSON.stringify(value)
}

/** RFC 8785 for what a detail may hold: keys sorted by UTF-16 code units, no white space, integers only. */
export function canonicalDetail(detail: AuditDetail | null): string {
  if (detail === null) return 'null'
  const members = Object.keys(detail)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalValue(detail[key])}`)
  return `{${members.join(',')}}`
}

function canonicalValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalValue).join(',')}]`
  // Not by JSON.stringify, which writes null for a number too large: a forged detail must not look like null.
  if (typeof value === 'number') return String(value)
  return JSON.stringify(value ?? null)
}
