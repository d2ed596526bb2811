import type { Knex } from 'knex'
import type { Closing, StoredClosing } from './closing.ts'

const TABLE = 'audit_closings'

/** Every closing, oldest first. */
export function readClosings(db: Knex): Promise<StoredClosing[]> {
  return db(TABLE).orderBy('number').select('number', 'document', 'sha256', 'jws')
}

/** The closing that the next one names as the one before it. */
export async function newestClosing(db: Knex): Promise<StoredClosing | undefined> {
  return db(TABLE).orderBy('number', 'desc').first('number', 'document', 'sha256', 'jws')
}

/** How often a partition of this name was closed: a writer whose clock was set back may have opened it again. */
export async function timesClosed(db: Knex, partition: string): Promise<number> {
  const numbers = await db(TABLE).where({ partition }).pluck('number')
  return numbers.length
}

export async function insertClosing(db: Knex, closing: Closing, stored: StoredClosing): Promise<void> {
  const { partition, part, from, to, rows } = closing
  await db(TABLE).insert({ ...stored, partition, part, starts_at: from, ends_at: to, rows })
}

/** The digests (hex) of the closings that events of the log name. */
export async function namedClosings(db: Knex): Promise<Set<string>> {
  const details: (Record<string, unknown> | null)[] = await db('audit_events')
    .where({ type: 'audit.partition_dropped' })
    .pluck('detail')
  return new Set(details.map((detail) => String(detail?.closing_sha256)))
}

/** The two hashes of one stored row. */
export async function findLink(
  db: Knex,
  writer_id: string,
  seq: number,
): Promise<{ prev_hash: Buffer; hash: Buffer } | undefined> {
  return db('audit_events').where({ writer_id, seq }).first('prev_hash', 'hash')
}
