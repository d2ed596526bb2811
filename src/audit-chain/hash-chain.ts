/**
 * Evidence: an event as bytes that anybody can make again, and the chain in which every row names the row before. The
 * audit log keeps such rows in the database; where there is no server, a guard keeps them in a file. Of no package.
 */
import { randomFillSync, randomUUID } from 'node:crypto'
import { sha256 } from '../base/digest.ts'
import type { AuditFields } from './event-fields.ts'
import {
  type ChainedRow,
  CONTENT_COLUMNS,
  contentBytes,
  eventBytes,
  PLACE_BYTES,
  placeBytes,
  writePlace,
} from './row-bytes.ts'

/** What ties each row to the row before it. */
export type AuditRow = ChainedRow & { prev_hash: Buffer; hash: Buffer }

/** The last row of a writer; `seq` 0 and the hash GENESIS before its first. */
export type ChainHead = { writer_id: string; seq: number; hash: Buffer }

const HASH_BYTES = 32

/** Stands before the first row of every writer. */
export const GENESIS: Buffer = Buffer.alloc(HASH_BYTES)

/** SHA-256 of what happened; a proof shows it in place of a row that is nobody's business. */
export function contentDigest(row: ChainedRow): Buffer {
  return sha256(contentBytes(row))
}

/** SHA-256(content digest ‖ prev_hash): the hash of a row that follows from the row with the hash `prev_hash`. */
export function linkHash(content_digest: Buffer, prev_hash: Buffer): Buffer {
  content_digest.copy(linked, 0)
  prev_hash.copy(linked, HASH_BYTES)
  return sha256(linked)
}

const linked = Buffer.alloc(2 * HASH_BYTES)

/** int16: the number of columns, which begins a row of a binary COPY. */
const TUPLE_START = Buffer.from([0, CONTENT_COLUMNS.length + 2])
/** int32 before each of the two links: the length of a hash. */
const LINK = Buffer.concat([Buffer.from([0, 0, 0, HASH_BYTES]), Buffer.alloc(HASH_BYTES)])
const AROUND_EVENT_BYTES = TUPLE_START.length + PLACE_BYTES + 2 * LINK.length

/** Ties events to a chain, in order, as rows of a binary COPY. */
export function extendChain(
  head: ChainHead,
  events: readonly AuditFields[],
  occurred_at: Date,
): { tuples: Buffer; head: ChainHead } {
  const texts = events.map(eventBytes)
  const length = texts.reduce((sum, text) => sum + AROUND_EVENT_BYTES + text.length, 0)
  const tuples = Buffer.allocUnsafe(length)
  const place = placeBytes(occurred_at, head.writer_id)
  let { seq, hash: prev_hash } = head
  let end = 0
  for (const text of texts) {
    seq += 1
    const start = end + TUPLE_START.copy(tuples, end)
    place.copy(tuples, start)
    writePlace(tuples, start, seq, randomUuidBytes())
    end = start + PLACE_BYTES
    end += tuples.write(text, end, 'latin1')
    const link = linkHash(sha256(tuples.subarray(start, end)), prev_hash)
    end = writeLink(tuples, writeLink(tuples, end, prev_hash), link)
    prev_hash = link
  }
  return { tuples, head: { writer_id: head.writer_id, seq, hash: prev_hash } }
}

/** The same as rows, for whoever keeps them as text. */
export function chainRows(
  head: ChainHead,
  events: readonly AuditFields[],
  occurred_at: Date,
): { rows: AuditRow[]; head: ChainHead } {
  const { writer_id } = head
  let { seq, hash: prev_hash } = head
  const rows = events.map((event) => {
    seq += 1
    const content = { ...event, occurred_at, writer_id, seq, id: randomUUID() }
    const row = { ...content, prev_hash, hash: linkHash(contentDigest(content), prev_hash) }
    prev_hash = row.hash
    return row
  })
  return { rows, head: { writer_id, seq, hash: prev_hash } }
}

/** Whether the hash is that of the content and of the row before. */
export function isIntact(row: AuditRow): boolean {
  return linkHash(contentDigest(row), row.prev_hash).equals(row.hash)
}

/** A row as one of a binary COPY. */
export function tupleOf(row: AuditRow): Buffer {
  const links = Buffer.alloc(2 * LINK.length)
  writeLink(links, writeLink(links, 0, row.prev_hash), row.hash)
  return Buffer.concat([TUPLE_START, contentBytes(row), links])
}

function writeLink(tuples: Buffer, at: number, link: Buffer): number {
  LINK.copy(tuples, at)
  link.copy(tuples, at + LINK.length - HASH_BYTES)
  return at + LINK.length
}

const UUID_BYTES = 16
const randomness = Buffer.alloc(UUID_BYTES * 256)
let used = randomness.length

/** A random UUID (RFC 9562 §5.4) as bytes; the system is asked for randomness once for many. */
function randomUuidBytes(): Buffer {
  if (used === randomness.length) {
    randomFillSync(randomness)
    used = 0
  }
  const uuid = randomness.subarray(used, used + UUID_BYTES)
  used += UUID_BYTES
  uuid[6] = ((uuid[6] ?? 0) & 0x0f) | 0x40
  uuid[8] = ((uuid[8] ?? 0) & 0x3f) | 0x80
  return uuid
}
