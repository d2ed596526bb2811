/**
 * Import: the chains of a local log become chains of the audit log, row by row as they are, as those of processes that
 * have ended. What that proves is in docs/adr/0022-imported-chains.md.
 */
import type { Knex } from 'knex'
import type { Actor } from '../../../audit-chain/actor.ts'
import { AppError } from '../../../base/errors.ts'
import { announceWriters } from '../../live/follow-store.ts'
import type { AuditLog } from '../../log/audit-log.ts'
import { type RecordEvent, recorded } from '../../log/recorded.ts'
import { claimPartitions, settleDefaultPartition, summariseAuditIds } from '../archive/partition-store.ts'
import { ImportPlan } from './import-plan.ts'
import { closeImported, countImported, insertImported, type NewRun } from './import-store.ts'
import { type CheckedLocalLog, checkLocalLog, type LocalFault } from './local-log.ts'

export type ImportOptions = {
  /** Who asked for it, in the log. */
  actor: Actor
  on_progress?: ((progress: { rows: number; share: number }) => void) | undefined
}

export type Imported = {
  /** New rows. */
  rows: number
  /** Rows of the file that were there already. */
  known_rows: number
  sha256: string
  /** Of each chain with new rows: what is new, and the hash of its last row in hex. */
  chains: { writer_id: string; first_seq: number; last_seq: number; hash: string }[]
}

/**
 * Verifies the file, then adds the rows that are not there yet, in one transaction with the events that name them. Throws
 * `conflict` where the file is not whole, is no local log, disagrees with what was imported before, or has rows of months
 * that are closed or to come; then nothing has changed.
 *
 * `audit` must be a log that nobody else appends to meanwhile.
 */
export async function importLocalLog(
  db: Knex,
  audit: Pick<AuditLog, 'appendIn'>,
  path: string,
  options: ImportOptions,
): Promise<Imported> {
  const checked = await checkLocalLog(path)
  const [fault] = checked.verification.faults
  if (fault) throw notWhole(path, fault)
  const work = async (trx: Knex.Transaction, record: RecordEvent) => {
    await claimPartitions(trx)
    const added = await addRows(trx, path, checked, options)
    const file_sha256 = checked.verification.sha256
    for (const run of added) {
      const detail = { ...run, hash: run.hash.toString('hex'), rows: sizeOf(run), file_sha256 }
      record({ type: 'audit.imported', detail })
    }
    return added
  }
  const runs = await recorded({ db, audit }, options, work, async (trx, added) => {
    for (const run of added) await closeImported(trx, run, endOf(run, checked))
  })
  if (runs.length > 0) await tidy(db, runs)
  const { rows, sha256 } = checked.verification
  const added = runs.reduce((sum, run) => sum + sizeOf(run), 0)
  const chains = runs.map((run) => ({ ...run, hash: run.hash.toString('hex') }))
  return { rows: added, known_rows: rows - added, sha256, chains }
}

/** Reads the file again, and adds what the plan says. It must still be the file that was checked. */
async function addRows(
  trx: Knex.Transaction,
  path: string,
  { chains, verification }: CheckedLocalLog,
  { on_progress }: ImportOptions,
): Promise<NewRun[]> {
  const plan = await ImportPlan.make(trx, chains)
  const again = await checkLocalLog(path, {
    bytes: verification.bytes,
    on_progress,
    on_rows: async (rows) => {
      const wanted = rows.filter((each) => plan.isWanted(each)).map(({ row }) => row)
      if (wanted.length > 0) await insertImported(trx, wanted)
    },
  })
  if (again.verification.sha256 !== verification.sha256)
    throw new AppError('conflict', `${path} changed while it was read; nothing was imported`)
  for (const run of plan.runs) await countImported(trx, run)
  return plan.runs
}

function sizeOf({ first_seq, last_seq }: NewRun): number {
  return last_seq - first_seq + 1
}

/** When the chain ended; undefined where the file may yet be gone on with. Only the last one can be. */
function endOf({ writer_id }: NewRun, { chains }: CheckedLocalLog): Date | undefined {
  const chain = chains.find((each) => each.writer_id === writer_id)
  const is_over = chain?.is_stopped || chain !== chains.at(-1)
  return is_over ? chain?.ended_at : undefined
}

const LOCK_NOT_AVAILABLE = '55P03'

/** Rows of months without a partition get one, as the server's maintenance does it; where that is busy, it will. */
async function tidy(db: Knex, runs: readonly NewRun[]): Promise<void> {
  try {
    await settleDefaultPartition(db)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE)) throw error
  }
  await summariseAuditIds(db)
  await announceWriters(
    db,
    runs.map(({ writer_id }) => writer_id),
  )
}

function notWhole(path: string, { line, message }: LocalFault): AppError {
  return new AppError(
    'conflict',
    `${path} is not whole, so nothing was imported: line ${line}: ${message}. \`toolgate audit verify ${path}\` says more`,
  )
}
