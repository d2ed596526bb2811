import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import type { Actor } from '../../../audit-chain/actor.ts'
import { sha256 } from '../../../base/digest.ts'
import { AppError } from '../../../base/errors.ts'
import type { AuditLog } from '../../log/audit-log.ts'
import { type RecordEvent, recorded } from '../../log/recorded.ts'
import { sameRuns } from '../verification/chain-runs.ts'
import { MonthVerifier } from '../verification/month-verifier.ts'
import { type Archived, type ArchiveOptions, archiveMonth } from './archive.ts'
import { MANIFEST_ENDING, type Manifest } from './archive-format.ts'
import { checkArchives } from './archive-verify.ts'
import { CLOSING_FORMAT, type Closing, closingStatement, closingText } from './closing.ts'
import { insertClosing, newestClosing, timesClosed } from './closing-store.ts'
import type { Evidence } from './evidence.ts'
import {
  claimPartitions,
  finishedMonths,
  lockPartition,
  type Month,
  mayDropPartitions,
  readPartition,
  tryDropPartition,
} from './partition-store.ts'

export type RetentionOptions = Pick<ArchiveOptions, 'on_progress'> & {
  /** Months before this one that stay, at least one. */
  months: number
  /** Who asked for it, in the log. */
  actor: Actor
  /** Where each month is archived before it is dropped; without it, months are not archived. */
  directory?: string | undefined
  evidence: Evidence
}

export type Dropped = { partition: string; rows: number; closing: number; archive: string | null }

/** The months that are older than `months` months, oldest first. Throws `forbidden` when this role may not drop them. */
export async function monthsToDrop(db: Knex, months: number): Promise<Month[]> {
  if (!Number.isSafeInteger(months) || months < 1)
    throw new AppError('invalid_input', 'At least one month stays')
  const due = await finishedMonths(db, months)
  if (due.length > 0 && !(await mayDropPartitions(db)))
    throw new AppError(
      'forbidden',
      'Only the owner of audit_events may drop its partitions: run `toolgate audit retain` as that role',
    )
  return due
}

/**
 * Drops every month that is older than `months` months, each with a closing that says what was in it and an event that
 * names the closing, all in one transaction; before that, archives it when there is a directory. Stopped at any point,
 * a month is there whole or is closed and archived, and the next run goes on.
 *
 * `audit` must be a log that nobody else appends to meanwhile: its writer waits for those who hold the table, and
 * they must not wait for it.
 */
export async function retain(
  db: Knex,
  audit: Pick<AuditLog, 'appendIn'>,
  options: RetentionOptions,
): Promise<Dropped[]> {
  const dropped: Dropped[] = []
  for (const month of await monthsToDrop(db, options.months)) {
    const archive = await archived(db, month, options)
    dropped.push(await dropMonth(db, audit, month, archive, options))
  }
  return dropped
}

/** Writes the archive, or finds it there, and reads it back from the disk before anything depends on it. */
async function archived(
  db: Knex,
  month: Month,
  { directory, evidence, on_progress }: RetentionOptions,
): Promise<Archived | undefined> {
  if (directory === undefined) return undefined
  const archive = await archiveMonth(db, month, { directory, evidence, on_progress })
  const { verification } = await checkArchives(archive.path + MANIFEST_ENDING, evidence)
  const [fault] = verification.faults
  if (fault)
    throw new AppError('conflict', `The archive ${archive.path} ${fault.message}; nothing was dropped`)
  return archive
}

/**
 * The closing and its event are written first and the partition dropped last, so that those who use the log wait for
 * nothing but the drop and its commit.
 */
function dropMonth(
  db: Knex,
  audit: Pick<AuditLog, 'appendIn'>,
  month: Month,
  archive: Archived | undefined,
  options: RetentionOptions,
): Promise<Dropped> {
  const work = async (trx: Knex.Transaction, record: RecordEvent) => {
    await claimPartitions(trx)
    await lockPartition(trx, month.name)
    const closing = await close(trx, month, archive?.manifest, options)
    const digest = await keepClosing(trx, closing, options.evidence)
    const { partition, part, from, to, rows, number, archive_sha256 } = closing
    const closing_sha256 = digest.toString('hex')
    record({
      type: 'audit.partition_dropped',
      detail: { partition, part, from, to, rows, closing: number, closing_sha256, archive_sha256 },
    })
    return { partition, rows, closing: number, archive: archive?.path ?? null }
  }
  return recorded({ db, audit }, options, work, (trx) => dropWhenFree(trx, month.name))
}

/** Signs the closing, stores it, and hands it out of the database. Gives the digest of its text. */
async function keepClosing(trx: Knex.Transaction, closing: Closing, evidence: Evidence): Promise<Buffer> {
  const document = closingText(closing)
  const digest = sha256(document)
  const jws = await evidence.sign(closingStatement(closing, digest))
  await insertClosing(trx, closing, { number: closing.number, document, sha256: digest, jws })
  await evidence.publish(jws)
  return digest
}

/** Reads the month once more, under a lock that keeps it as it is, because what it holds now is what will be lost. */
async function close(
  trx: Knex.Transaction,
  { name, starts_at, ends_at }: Month,
  manifest: Manifest | undefined,
  options: RetentionOptions,
): Promise<Closing> {
  const verifier = new MonthVerifier()
  for await (const _ of readPartition(trx, name, verifier))
    options.on_progress?.({ partition: name, rows: verifier.rows })
  const { rows, runs } = verifier
  if (manifest && (manifest.rows !== rows || !sameRuns(manifest.runs, runs)))
    throw new AppError('conflict', `${name} has rows that its archive lacks; nothing was dropped`)
  const previous = await newestClosing(trx)
  return {
    format: CLOSING_FORMAT,
    number: (previous?.number ?? 0) + 1,
    previous_sha256: previous?.sha256.toString('hex') ?? null,
    partition: name,
    part: (await timesClosed(trx, name)) + 1,
    from: starts_at.toISOString(),
    to: ends_at.toISOString(),
    rows,
    runs,
    archive_sha256: manifest?.file_sha256 ?? null,
    closed_at: new Date().toISOString(),
  }
}

const ATTEMPTS = 60
const PAUSE_MS = 1_000

/** Between two attempts everybody who waited behind the first gets through. */
async function dropWhenFree(trx: Knex.Transaction, name: string): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    if (await tryDropPartition(trx, name)) return
    if (attempt < ATTEMPTS) await sleep(PAUSE_MS)
  }
  throw new AppError(
    'unavailable',
    `${name} cannot be dropped: something reads the log without a pause; try again later`,
  )
}
