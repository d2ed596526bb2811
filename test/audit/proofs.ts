import { signCheckpoint } from '../../src/audit/integrity/checkpoints/checkpoint.ts'
import {
  type CheckpointKey,
  generateCheckpointKey,
  parseCheckpointKey,
} from '../../src/audit/integrity/checkpoints/checkpoint-key.ts'
import { type Proof, type ProofSegment, writeProof } from '../../src/audit/integrity/checkpoints/proof.ts'
import { type AuditRow, type ChainHead, contentDigest, GENESIS } from '../../src/audit-chain/hash-chain.ts'
import { writerStarted } from '../../src/audit-chain/witness.ts'
import { chainOf, linked } from './rows.ts'

export const ISSUER = 'https://auth.example.com'
export const SIGNED_AT = new Date('2026-07-28T10:00:00.000Z')
export const LATER_WRITER = 'c0ffee00-0000-4000-8000-000000000000'

export async function newKey(): Promise<CheckpointKey> {
  return parseCheckpointKey(await generateCheckpointKey())
}

export function headOf(rows: readonly AuditRow[]): ChainHead {
  const last = rows.at(-1)!
  return { writer_id: last.writer_id, seq: last.seq, hash: last.hash }
}

/** A chain whose first row names the end of `before`. */
export function chainAfter(before: readonly AuditRow[], writer_id = LATER_WRITER): AuditRow[] {
  const [model] = chainOf(1, writer_id)
  const id = '00000000-0000-4000-8000-00000000cafe'
  const start = linked({ ...model!, ...writerStarted('toolgate', headOf(before)), id }, GENESIS)
  const next = chainOf(2, writer_id)[1]!
  return [start, linked(next, start.hash)]
}

export function segment(rows: readonly AuditRow[], index: number): ProofSegment {
  const row = rows[index]!
  return { row, prev_hash: row.prev_hash, digests: rows.slice(index + 1).map(contentDigest) }
}

/** An event in a chain that ended before the checkpoint, which names the chain after it. */
export async function makeProof(key: CheckpointKey, changes: Partial<Proof> = {}): Promise<Buffer> {
  const ended = chainOf(6)
  const going_on = chainAfter(ended)
  const heads = [headOf(going_on)]
  const checkpoint = await signCheckpoint(key, { issuer: ISSUER, created_at: SIGNED_AT, heads })
  const segments = [segment(ended, 2), segment(going_on, 0)]
  return Buffer.from(writeProof({ segments, checkpoint, ...changes }))
}
