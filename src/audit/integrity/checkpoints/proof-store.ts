import type { Knex } from 'knex'
import { type AuditRow, contentDigest, linkHash } from '../../../audit-chain/hash-chain.ts'
import { witnessOf } from '../../../audit-chain/witness.ts'
import { AppError } from '../../../base/errors.ts'
import { eventOfRow, type StoredRow } from '../../query/audit-store.ts'
import { findEvent } from '../../query/event-store.ts'
import { coveringCheckpoint } from './checkpoint-store.ts'
import { type CheckpointMaking, makeCheckpoint } from './checkpointer.ts'
import { PROOF_DIGESTS_MAX, PROOF_SEGMENTS_MAX, type Proof, type ProofSegment } from './proof.ts'

/** Puts a proof together from what the tables hold. */
const PAGE_ROWS = 5_000

/**
 * The proof of the event with this id. Signs a checkpoint first when none covers the event yet. Throws `not_found`,
 * and `conflict` when the rows do not fit together or when the proof would be too long.
 */
export async function proveEvent(making: CheckpointMaking, id: string): Promise<Proof> {
  const { db } = making
  const row = await findEvent(db, id)
  const found = await pathFrom(db, row)
  if (found) return found
  await makeCheckpoint(making)
  const covered = await pathFrom(db, row)
  if (!covered) throw broken(row, 'no checkpoint can name its chain; see toolgate audit verify')
  return covered
}

/** From the row to a checkpoint, over the ends of chains where need be; undefined when no checkpoint is there yet. */
async function pathFrom(db: Knex, start: AuditRow): Promise<Proof | undefined> {
  const segments: ProofSegment[] = []
  let left = PROOF_DIGESTS_MAX
  for (let row = start; segments.length < PROOF_SEGMENTS_MAX; ) {
    const covering = await coveringCheckpoint(db, row.writer_id, row.seq)
    const witness = covering ? undefined : await witnessRow(db, row)
    const end = covering?.seq ?? (witness && witnessOf(witness)?.seq)
    if (end === undefined) return undefined
    const segment = await segmentTo(db, row, end, left)
    segments.push(segment)
    left -= segment.digests.length
    if (covering) return { segments, checkpoint: covering.jws }
    if (witness) row = witness
  }
  throw new AppError('conflict', `The proof would pass through more than ${PROOF_SEGMENTS_MAX} chains`)
}

/** The row of another chain that names this row of its chain, or a later one. */
async function witnessRow(db: Knex, { writer_id, seq }: AuditRow): Promise<AuditRow | undefined> {
  const closed: { closed_by: string } | undefined = await db('audit_writers')
    .where({ writer_id })
    .where('closed_seq', '>=', seq)
    .first('closed_by')
  if (!closed) return undefined
  const rows: StoredRow[] = await db<StoredRow>('audit_events')
    .where('writer_id', closed.closed_by)
    .where((begins) =>
      begins
        // They begin a chain: at most one for each chain that had ended.
        .where((first) =>
          first.whereIn('type', ['writer.started', 'writer.closed']).where('seq', '<=', PROOF_SEGMENTS_MAX),
        )
        .orWhereRaw(`type = 'audit.imported' and detail->>'writer_id' = ?`, [writer_id]),
    )
    .orderBy('seq')
  const named = rows.map(eventOfRow).filter((row) => witnessOf(row)?.writer_id === writer_id)
  return named.find((row) => (witnessOf(row)?.seq ?? 0) >= seq)
}

async function segmentTo(db: Knex, row: AuditRow, end: number, left: number): Promise<ProofSegment> {
  if (end - row.seq > left) {
    const asked = `${end - row.seq} rows lie between row ${row.seq} of writer ${row.writer_id} and the next checkpoint`
    throw new AppError('conflict', `${asked}; a proof has at most ${PROOF_DIGESTS_MAX}`)
  }
  let hash = linkHash(contentDigest(row), row.prev_hash)
  if (!hash.equals(row.hash)) throw broken(row, 'it is not what was hashed')
  const digests: Buffer[] = []
  for (let last = row.seq; last < end; ) {
    const page: StoredRow[] = await db<StoredRow>('audit_events')
      .where({ writer_id: row.writer_id })
      .where('seq', '>', last)
      .where('seq', '<=', end)
      .orderBy('seq')
      .limit(PAGE_ROWS)
    for (const next of page.map(eventOfRow)) {
      last += 1
      const digest = contentDigest(next)
      hash = linkHash(digest, hash)
      if (next.seq !== last || !hash.equals(next.hash))
        throw broken(next, 'it does not follow from the one before')
      digests.push(digest)
    }
    if (page.length === 0) throw broken({ ...row, seq: last + 1 }, 'it is missing')
  }
  return { row, prev_hash: row.prev_hash, digests }
}

function broken({ writer_id, seq }: Pick<AuditRow, 'writer_id' | 'seq'>, reason: string): AppError {
  return new AppError('conflict', `The event cannot be proven: row ${seq} of writer ${writer_id}: ${reason}`)
}
