import { detailText } from './detail-text.ts'
import { type AuditDetail, type AuditFields, TEXT_COLUMNS } from './event-fields.ts'

/**
 * Pure: a row as bytes, the way Postgres' binary COPY writes it, which is what the hash covers and what is inserted.
 * Byte for byte in docs/audit-format.md.
 *
 * What an event says is put together as a string of one char a byte and turned into bytes at once, because many small
 * writes into a buffer cost more than everything else that is done for a row.
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
  'actor_kind',
  'actor_id',
  ...TEXT_COLUMNS,
  'detail',
] as const

/** All columns of the table. */
export const ROW_COLUMNS = [...CONTENT_COLUMNS, 'prev_hash', 'hash'] as const

/** As rows name themselves and their writers, and as they spell hashes. */
export const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
export const HEX_HASH = /^[0-9a-f]{64}$/

/** A byte string: each char is one byte. */
export type Bytes = string

const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1)
const ASCII = /^[\0-\x7f]*$/
const JSONB_VERSION = '\x01'
const ABSENT = '\xff\xff\xff\xff'

/** Everything of a row but its links. */
export function contentBytes(row: ChainedRow): Buffer {
  const place = placeBytes(row.occurred_at, row.writer_id)
  writePlace(place, 0, row.seq, uuidBytes(row.id))
  return Buffer.concat([place, Buffer.from(eventBytes(row), 'latin1')])
}

/** The columns that say when and where a row stands: each 8 or 16 bytes behind its length. */
const OCCURRED_AT = 4
const WRITER_ID = OCCURRED_AT + 8 + 4
const SEQ = WRITER_ID + 16 + 4
const ID = SEQ + 8 + 4
export const PLACE_BYTES = ID + 16

/** The place of rows of one batch: `writePlace` sets what differs between them. */
export function placeBytes(occurred_at: Date, writer_id: string): Buffer {
  const bytes = Buffer.alloc(PLACE_BYTES)
  bytes.writeInt32BE(8, OCCURRED_AT - 4)
  bytes.writeBigInt64BE(BigInt(occurred_at.getTime() - POSTGRES_EPOCH_MS) * 1_000n, OCCURRED_AT)
  bytes.writeInt32BE(16, WRITER_ID - 4)
  uuidBytes(writer_id).copy(bytes, WRITER_ID)
  bytes.writeInt32BE(8, SEQ - 4)
  bytes.writeInt32BE(16, ID - 4)
  return bytes
}

export function writePlace(bytes: Buffer, start: number, seq: number, id: Buffer): void {
  const high = Math.floor(seq / 2 ** 32)
  bytes.writeInt32BE(high, start + SEQ)
  bytes.writeUInt32BE(seq - high * 2 ** 32, start + SEQ + 4)
  id.copy(bytes, start + ID)
}

export function eventBytes(event: AuditFields): Bytes {
  return (
    textField(event.type) +
    textField(event.actor_kind) +
    textField(event.actor_id) +
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
    detailField(event.detail)
  )
}

/** What many events share, written once: an object that is frozen cannot come to say something else. */
const shared_details = new WeakMap<AuditDetail, Bytes>()

function detailField(detail: AuditDetail | null): Bytes {
  if (detail === null) return ABSENT
  const known = shared_details.get(detail)
  if (known !== undefined) return known
  const bytes = field(JSONB_VERSION + utf8(detailText(detail)))
  if (Object.isFrozen(detail)) shared_details.set(detail, bytes)
  return bytes
}

function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex')
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

const LENGTHS = Array.from({ length: 512 }, (_, length) => int32(length))
