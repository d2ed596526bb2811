import { hash } from 'node:crypto'
import type { AuditDetail } from '../../../audit-chain/event-fields.ts'
import type { ChainHead } from '../../../audit-chain/hash-chain.ts'
import { type Bytes, CONTENT_COLUMNS } from '../../../audit-chain/row-bytes.ts'

/**
 * Pure: what verification reads of a row, out of the tuple that Postgres sends. The bytes are hashed as they stand:
 * nothing is decoded and encoded again, so that nothing stored can differ from what is hashed.
 */
export type Link = {
  prev_hash: Bytes
  hash: Bytes
  /** SHA-256(SHA-256(content) ‖ prev_hash) = hash. */
  is_intact: boolean
}

/** A row that may say something about rows of other chains. */
export type Note = { writer_id: string; seq: number; type: string; detail: AuditDetail | null }

const HASH_BYTES = 32
const COUNT_BYTES = 2
const LENGTH_BYTES = 4
const LINKS_BYTES = 2 * (LENGTH_BYTES + HASH_BYTES)
/** Behind the content: a length, the hash of the row before, a length, the row's own hash. */
const HASH_AT = 2 * LENGTH_BYTES + HASH_BYTES
/** The first four columns have fixed lengths: each begins at the same place of every tuple. */
const AT = { occurred_at: 6, writer: 18, seq: 38, id: 50, type_length: 66, type: 70 } as const
const UUID_BYTES = 16
const FIXED_LENGTHS = [8, 16, 8, 16] as const
const DETAIL = CONTENT_COLUMNS.indexOf('detail')
const JSONB_VERSION_BYTES = 1
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1)

/** The content digest, then the hash of the row before. */
const linked = Buffer.alloc(2 * HASH_BYTES)

/** A row without two hashes of 32 bytes is not intact. */
export function linkOf(bytes: Buffer, start: number, end: number): Link {
  const at = linksAt(bytes, start, end)
  if (at === undefined) return { prev_hash: '', hash: '', is_intact: false }
  const prev_hash = hashAt(bytes, at + LENGTH_BYTES)
  const hash = hashAt(bytes, at + HASH_AT)
  return { prev_hash, hash, is_intact: hashOf(bytes, start, at) === hash }
}

/** Where the content ends and the two links begin; undefined when these are not two of 32 bytes. */
export function linksAt(bytes: Buffer, start: number, end: number): number | undefined {
  const at = fieldAt(bytes, start, CONTENT_COLUMNS.length)
  const has_links =
    at + LINKS_BYTES === end &&
    bytes.readInt32BE(at) === HASH_BYTES &&
    bytes.readInt32BE(at + HASH_AT - LENGTH_BYTES) === HASH_BYTES
  return has_links ? at : undefined
}

/** What the row's hash must be: SHA-256(SHA-256(content) ‖ prev_hash). */
export function hashOf(bytes: Buffer, start: number, links_at: number): Bytes {
  const digest = sha256(bytes.subarray(start + COUNT_BYTES, links_at))
  // Bytes one by one: for so few, a call into Node's own code costs more.
  const prev_at = links_at + LENGTH_BYTES
  for (let index = 0; index < HASH_BYTES; index++) {
    linked[index] = digest.charCodeAt(index)
    linked[HASH_BYTES + index] = bytes[prev_at + index] as number
  }
  return sha256(linked)
}

export function followsHash(bytes: Buffer, links_at: number, hash: Bytes): boolean {
  return isAt(bytes, links_at + LENGTH_BYTES, hash)
}

export function hasHash(bytes: Buffer, links_at: number, hash: Bytes): boolean {
  return isAt(bytes, links_at + HASH_AT, hash)
}

function isAt(bytes: Buffer, at: number, hash: Bytes): boolean {
  if (hash.length !== HASH_BYTES) return false
  for (let index = 0; index < HASH_BYTES; index++)
    if (bytes[at + index] !== hash.charCodeAt(index)) return false
  return true
}

function hashAt(bytes: Buffer, at: number): Bytes {
  return bytes.toString('latin1', at, at + HASH_BYTES)
}

// A string is the cheapest form in which Node gives a digest.
function sha256(bytes: Buffer): Bytes {
  return hash('sha256', bytes, 'binary')
}

/** Where the length of a column stands. */
function fieldAt(bytes: Buffer, start: number, column: number): number {
  let at = start + COUNT_BYTES
  for (let passed = 0; passed < column; passed++) {
    const length = bytes.readInt32BE(at)
    at += LENGTH_BYTES + Math.max(length, 0)
  }
  return at
}

/** Throws when this is no row of audit_events: the columns that name its place have other types. */
export function assertTuple(bytes: Buffer, start: number): void {
  let at = start + COUNT_BYTES
  for (const length of FIXED_LENGTHS) {
    if (bytes.readInt32BE(at) !== length) throw new TypeError('audit_events has columns of other types')
    at += LENGTH_BYTES + length
  }
}

export function isWriter(bytes: Buffer, start: number, writer: Bytes): boolean {
  const at = start + AT.writer
  for (let index = 0; index < UUID_BYTES; index++)
    if (bytes[at + index] !== writer.charCodeAt(index)) return false
  return true
}

export function writerBytesOf(bytes: Buffer, start: number): Bytes {
  return bytes.toString('latin1', start + AT.writer, start + AT.writer + UUID_BYTES)
}

/** Exact up to 2^53 − 1, which no writer reaches. */
export function seqOf(bytes: Buffer, start: number): number {
  return bytes.readInt32BE(start + AT.seq) * 2 ** 32 + bytes.readUInt32BE(start + AT.seq + 4)
}

/** Microseconds since 2000-01-01T00:00:00Z. */
export function microsecondsOf(bytes: Buffer, start: number): number {
  return bytes.readInt32BE(start + AT.occurred_at) * 2 ** 32 + bytes.readUInt32BE(start + AT.occurred_at + 4)
}

/** ISO 8601; undefined for a time that is none, which a forger may have stored. */
export function timeOf(microseconds: number): string | undefined {
  const time = new Date(POSTGRES_EPOCH_MS + microseconds / 1_000)
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString()
}

export function idOf(bytes: Buffer, start: number): string {
  return uuidOf(bytes.toString('latin1', start + AT.id, start + AT.id + UUID_BYTES))
}

export function uuidOf(bytes: Bytes): string {
  const hex = Buffer.from(bytes, 'latin1').toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** Events about writers and about the log itself, which few rows are; only these are decoded. */
export function noteOf(bytes: Buffer, start: number): Note | undefined {
  const first = bytes[start + AT.type]
  if (first !== 0x77 && first !== 0x61) return undefined
  const type = bytes.toString(
    'utf8',
    start + AT.type,
    start + AT.type + bytes.readInt32BE(start + AT.type_length),
  )
  if (!/^(writer|audit)\./.test(type)) return undefined
  const writer_id = uuidOf(writerBytesOf(bytes, start))
  return { writer_id, seq: seqOf(bytes, start), type, detail: detailOf(bytes, start) }
}

function detailOf(bytes: Buffer, start: number): AuditDetail | null {
  const at = fieldAt(bytes, start, DETAIL)
  const length = bytes.readInt32BE(at)
  if (length < 0) return null
  try {
    return JSON.parse(
      bytes.toString('utf8', at + LENGTH_BYTES + JSONB_VERSION_BYTES, at + LENGTH_BYTES + length),
    )
  } catch {
    // No jsonb can be like that; damaged bytes can, and then their hash says so.
    return null
  }
}

export function headOf(writer: Bytes, seq: number, hash: Bytes): ChainHead {
  return { writer_id: uuidOf(writer), seq, hash: Buffer.from(hash, 'latin1') }
}
