import { hash } from 'node:crypto'
import type { AuditDetail } from '../../../audit-chain/event-fields.ts'
import { type Bytes, CONTENT_COLUMNS } from '../../../audit-chain/row-bytes.ts'
import { type Witness, witnessOf } from '../../../audit-chain/witness.ts'
import { parseJson } from '../../../base/json.ts'

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

const HASH_BYTES = 32
const COUNT_BYTES = 2
const LENGTH_BYTES = 4
const LINK_BYTES = LENGTH_BYTES + HASH_BYTES
/** The first four columns have fixed lengths: each begins at the same place of every tuple. */
const AT = { occurred_at: 6, writer: 18, seq: 38, id: 50, type_length: 66, type: 70 } as const
const UUID_BYTES = 16
const FIXED_LENGTHS = [8, 16, 8, 16] as const
const DETAIL = CONTENT_COLUMNS.indexOf('detail')
const JSONB_VERSION_BYTES = 1
const POSTGRES_EPOCH_MS = Date.UTC(2000, 0, 1)

/** The content digest, then the hash of the row before. */
const linked = Buffer.alloc(2 * HASH_BYTES)

/** Throws when this is no row of audit_events: the columns that name its place have other types. */
export function assertTuple(tuple: Buffer): void {
  let at = COUNT_BYTES
  for (const length of FIXED_LENGTHS) {
    if (tuple.readInt32BE(at) !== length) throw new TypeError('audit_events has columns of other types')
    at += LENGTH_BYTES + length
  }
}

/** A row without two hashes of 32 bytes is not intact. */
export function linkOf(tuple: Buffer): Link {
  const at = fieldAt(tuple, CONTENT_COLUMNS.length)
  const has_links =
    at + 2 * LINK_BYTES === tuple.length &&
    tuple.readInt32BE(at) === HASH_BYTES &&
    tuple.readInt32BE(at + LINK_BYTES) === HASH_BYTES
  if (!has_links) return { prev_hash: '', hash: '', is_intact: false }
  const stored = hashAt(tuple, at + LINK_BYTES)
  return { prev_hash: hashAt(tuple, at), hash: stored, is_intact: computedHash(tuple, at) === stored }
}

/** What the row's hash must be, where its content ends and its links begin. */
export function computedHash(tuple: Buffer, links_at: number): Bytes {
  linked.write(sha256(tuple.subarray(COUNT_BYTES, links_at)), 'latin1')
  tuple.copy(linked, HASH_BYTES, links_at + LENGTH_BYTES, links_at + LINK_BYTES)
  return sha256(linked)
}

// A string is the cheapest form in which Node gives a digest: a buffer takes twice as long.
function sha256(bytes: Buffer): Bytes {
  return hash('sha256', bytes, 'binary')
}

function hashAt(tuple: Buffer, at: number): Bytes {
  return tuple.toString('latin1', at + LENGTH_BYTES, at + LINK_BYTES)
}

/** Where the length of a column stands. */
function fieldAt(tuple: Buffer, column: number): number {
  let at = COUNT_BYTES
  for (let passed = 0; passed < column; passed++) at += LENGTH_BYTES + Math.max(tuple.readInt32BE(at), 0)
  return at
}

export function writerBytesOf(tuple: Buffer): Bytes {
  return tuple.toString('latin1', AT.writer, AT.writer + UUID_BYTES)
}

/** Exact up to 2^53 − 1, which no writer reaches. */
export function seqOf(tuple: Buffer): number {
  return bigintAt(tuple, AT.seq)
}

/** Microseconds since 2000-01-01T00:00:00Z. */
export function microsecondsOf(tuple: Buffer): number {
  return bigintAt(tuple, AT.occurred_at)
}

function bigintAt(tuple: Buffer, at: number): number {
  return tuple.readInt32BE(at) * 2 ** 32 + tuple.readUInt32BE(at + 4)
}

/** ISO 8601; undefined for a time that is none, which a forger may have stored. */
export function timeOf(tuple: Buffer): string | undefined {
  const time = new Date(POSTGRES_EPOCH_MS + microsecondsOf(tuple) / 1_000)
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString()
}

export function idOf(tuple: Buffer): string {
  return uuidOf(tuple.toString('latin1', AT.id, AT.id + UUID_BYTES))
}

export function uuidOf(bytes: Bytes): string {
  const hex = Buffer.from(bytes, 'latin1').toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** The row of another chain that this row names. Few can: only events about writers and about the log are decoded. */
export function witnessIn(tuple: Buffer): Witness | undefined {
  const first = tuple[AT.type]
  if (first !== 0x77 && first !== 0x61) return undefined
  const type = tuple.toString('utf8', AT.type, AT.type + tuple.readInt32BE(AT.type_length))
  return /^(writer|audit)\./.test(type) ? witnessOf({ type, detail: detailOf(tuple) }) : undefined
}

function detailOf(tuple: Buffer): AuditDetail | null {
  const at = fieldAt(tuple, DETAIL)
  const length = tuple.readInt32BE(at)
  if (length < 0) return null
  const text = tuple.toString('utf8', at + LENGTH_BYTES + JSONB_VERSION_BYTES, at + LENGTH_BYTES + length)
  // Every jsonb is JSON; damaged bytes may be none, and then their hash says so.
  return (parseJson(text) as AuditDetail | undefined) ?? null
}
