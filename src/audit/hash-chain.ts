import { hash, randomFillSync } from 'node:crypto'
import type { AuditFields } from './audit-event.ts'
import { type ChainedRow, contentBytes, eventBytes, placeBytes, writerBytes } from './row-bytes.ts'

/** What ties each row to the row before it. */
export type AuditRow = ChainedRow & { prev_hash: Buffer; hash: Buffer }

/** The last row of a writer; `seq` 0 and the hash GENESIS before its first. */
export type ChainHead = { writer_id: string; seq: number; hash: Buffer }

const HASH_BYTES = 32

/** Stands before the first row of every writer. */
export const GENESIS: Buffer = Buffer.alloc(HASH_BYTES)

/** The bytes that say what happened: all columns of the row but its two links. */
export function canonicalBytes(row: ChainedRow): Buffer {
  return Buffer.from(contentBytes(row), 'latin1')
}

/** SHA-256 of what happened; a proof shows it in place of a row that is nobody's business. */
export function contentDigest(row: ChainedRow): Buffer {
  return sha256(canonicalBytes(row))
}

/** SHA-256(content digest ‖ prev_hash): the hash of a row that follows from the row with the hash `prev_hash`. */
export function linkHash(content_digest: Buffer, prev_hash: Buffer): Buffer {
  return sha256(Buffer.concat([content_digest, prev_hash]))
}

function sha256(bytes: Buffer): Buffer {
  return hash('sha256', bytes, 'buffer')
}

/** int16: the number of columns, which begins a row of a binary COPY. */
const TUPLE_START = Buffer.from([0, 19])
/** int32: the length of a hash. */
const HASH_LENGTH = Buffer.from([0, 0, 0, HASH_BYTES])

/** Ties events to a chain, in order, as rows of a binary COPY. */
export function extendChain(
  head: ChainHead,
  events: readonly AuditFields[],
  occurred_at: Date,
): { tuples: Buffer[]; head: ChainHead } {
  const shared = writerBytes(occurred_at, head.writer_id)
  let { seq, hash: prev_hash } = head
  const tuples: Buffer[] = []
  for (const event of events) {
    seq += 1
    const content = Buffer.from(shared + placeBytes(seq, randomUuidBytes()) + eventBytes(event), 'latin1')
    const link = linkHash(sha256(content), prev_hash)
    tuples.push(TUPLE_START, content, HASH_LENGTH, prev_hash, HASH_LENGTH, link)
    prev_hash = link
  }
  return { tuples, head: { writer_id: head.writer_id, seq, hash: prev_hash } }
}

const UUID_BYTES = 16
const randomness = Buffer.alloc(UUID_BYTES * 256)
let used = randomness.length

/** A random UUID (RFC 9562 §5.4) as bytes; the system is asked for randomness once for many. */
function randomUuidBytes(): string {
  if (used === randomness.length) {
    randomFillSync(randomness)
    used = 0
  }
  const uuid = randomness.subarray(used, used + UUID_BYTES)
  used += UUID_BYTES
  uuid[6] = ((uuid[6] ?? 0) & 0x0f) | 0x40
  uuid[8] = ((uuid[8] ?? 0) & 0x3f) | 0x80
  return uuid.toString('latin1')
}
