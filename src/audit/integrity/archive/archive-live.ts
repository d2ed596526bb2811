import type { Knex } from 'knex'
import { type ChainRun, isInRuns, missingRuns, sameRuns } from '../verification/chain-runs.ts'
import { type Predecessor, withFaults } from '../verification/chain-verifier.ts'
import { predecessorFault } from '../verification/known-heads.ts'
import type { Verification } from '../verification/verify.ts'
import type { Manifest } from './archive-format.ts'
import {
  type ArchiveFinding,
  type ArchiveVerification,
  type ArchiveVerifyOptions,
  checkArchives,
  missingFinding,
} from './archive-verify.ts'
import { type Closing, closingsOf, runsOfClosings } from './closing.ts'
import { findLink, readClosings } from './closing-store.ts'
import { verifyLog } from './verify-log.ts'

/**
 * Checks archives together with the log that they came from: their chains go on in it, what was dropped is what was
 * archived, and a row that is in both is the same. Then the log itself.
 */
export async function verifyArchivesAndLog(
  db: Knex,
  path: string,
  options: ArchiveVerifyOptions = {},
): Promise<{ archives: ArchiveVerification; log: Verification }> {
  const { verification, manifests, predecessors } = await checkArchives(path, options)
  const closings = closingsOf(await readClosings(db))
  const { check_signature, on_progress } = options
  const log = await verifyLog(db, { check_signature, on_progress })
  const findings: ArchiveFinding[] = []
  for (const manifest of manifests) findings.push(...(await compare(db, manifest, closings)))
  findings.push(...(await findLost(db, manifests, closings)))
  findings.push(...(await findPredecessors(db, predecessors, closings)))
  return { archives: withFaults(verification, findings), log }
}

type Part = { partition: string; part: number }

function isOf({ partition, part }: Part): (other: Part) => boolean {
  return (other) => other.partition === partition && other.part === part
}

/** A month that was dropped must be the one that was archived; of one that was not, the ends must still be there. */
async function compare(
  db: Knex,
  manifest: Manifest,
  closings: readonly Closing[],
): Promise<ArchiveFinding[]> {
  const archive = manifest.partition
  const closing = closings.find(isOf(manifest))
  if (closing) {
    if (sameRuns(closing.runs, manifest.runs)) return []
    const message = `is not the month that was dropped: closing ${closing.number} names other chains`
    return [{ archive, writer_id: null, seq: null, kind: 'file', message }]
  }
  const findings: ArchiveFinding[] = []
  for (const { writer_id, last_seq: seq, hash } of manifest.runs) {
    const stored = await findLink(db, writer_id, seq)
    if (stored?.hash.equals(hash)) continue
    const message = `row ${seq} is ${stored ? 'another one' : 'missing'} in the log, and no closing says why`
    findings.push({ archive, writer_id, seq, kind: stored ? 'edited' : 'gap', message })
  }
  return findings
}

/** Pieces of chains that are in no archive, no closing and not in the log either. */
async function findLost(
  db: Knex,
  manifests: readonly Manifest[],
  closings: readonly Closing[],
): Promise<ArchiveFinding[]> {
  const only_closed = closings.filter((closing) => !manifests.some(isOf(closing)))
  const runs = [...manifests, ...only_closed].flatMap((known): ChainRun[] => known.runs)
  const findings: ArchiveFinding[] = []
  for (const piece of missingRuns(runs).missing) {
    const first = await findLink(db, piece.writer_id, piece.first_seq)
    const last = await findLink(db, piece.writer_id, piece.last_seq)
    if (!first?.prev_hash.equals(piece.prev_hash) || !last?.hash.equals(piece.hash))
      findings.push(missingFinding(piece, 'in none of these archives, in no closing and not in the log'))
  }
  return findings
}

/** Rows that archived rows name must be in the log or in a month that was dropped. */
async function findPredecessors(
  db: Knex,
  predecessors: readonly Predecessor[],
  closings: readonly Closing[],
): Promise<ArchiveFinding[]> {
  const known = runsOfClosings(closings)
  const findings: ArchiveFinding[] = []
  for (const named of predecessors) {
    const stored = await findLink(db, named.writer_id, named.seq)
    if (stored ? stored.hash.equals(named.hash) : isInRuns(known, named)) continue
    findings.push({ archive: null, ...predecessorFault(named, stored !== undefined) })
  }
  return findings
}
