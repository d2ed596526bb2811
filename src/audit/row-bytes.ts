import type { AuditFields } from './audit-event.ts'
import { detailText } from './detail-text.ts'

/**
 * Pure: a row as bytes, the way Postgres' binary COPY writes it, which is what the hash covers and what is inserted.
 * Byte for byte in docs/audit-format.md.
 *
 * Rows are put together as strings of one char a byte and turned into bytes at the end, because twenty small writes
 * into a buffer cost more than everything else that is done for a row.
 */
export type ChainedRow = AuditFields & {
  occurred_at: Date
  /** Lower-case UUID. */
  writer_id: string
  /** From 1, without gaps, within its writer. */
  seq: number
  id: string
}

/** The columns that say what happened, in the order in which they are hashed; the two links come after them. */
export const CONTENT_COLUMNS = [
  'occurred_at',
  'writer_id',
  'seq',
  'id',
  'type',
  'actor',
  'account_id',
  'client_id',
  'resource',
  'tool',
  'decision',
  'scope',
  'grant_id',
  'token_id',
  'request_id',
  'ip',
  'detail',
] as const

/** A byte string: each char is one byte. */
export type Bytes = string

const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1)
const ASCII = /^[\0-\x7f]*$/
const JSONB_VERSION = '\x01'
const ABSENT = '\xff\xff\xff\xff'

/** Everything of a row but its link to the row before. */
export function contentBytes(row: ChainedRow): Bytes {
  return (
    writerBytes(row.occurred_at, row.writer_id) + placeBytes(row.seq, uuidBytes(row.id)) + eventBytes(row)
  )
}

/** What the rows of one batch share. */
export function writerBytes(occurred_at: Date, writer_id: string): Bytes {
  const microseconds = (occurred_at.getTime() - POSTGRES_EPOCH_MS) * 1_000
  return EIGHT + int64(microseconds) + SIXTEEN + uuidBytes(writer_id)
}

export function placeBytes(seq: number, id: Bytes): Bytes {
  return EIGHT + int64(seq) + SIXTEEN + id
}

export function eventBytes(event: AuditFields): Bytes {
  return (
    textField(event.type) +
    textField(event.actor) +
    textField(event.account_id) +
    textField(event.client_id) +
    textField(event.resource) +
    textField(event.tool) +
    textField(event.decision) +
    textField(event.scope) +
    textField(event.grant_id) +
    textField(event.token_id) +
    textField(event.request_id) +
    textField(event.ip) +
    (event.detail === null ? ABSENT : field(JSONB_VERSION + utf8(detailText(event.detail))))
  )
}

export function uuidBytes(uuid: string): Bytes {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('latin1')
}

function textField(text: string | null): Bytes {
  return text === null ? ABSENT : field(utf8(text))
}

function utf8(text: string): Bytes {
  return ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

function field(bytes: Bytes): Bytes {
  return (LENGTHS[bytes.length] ?? int32(bytes.length)) + bytes
}

function int32(value: number): Bytes {
  return String.fromCharCode((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255)
}

function int64(value: number): Bytes {
  const high = Math.floor(value / 2 ** 32)
  return int32(high) + int32(value - high * 2 ** 32)
}

const LENGTHS = Array.from({ length: 512 }, (_, length) => int32(length))
const EIGHT = int32(8)
const SIXTEEN = int32(16)
