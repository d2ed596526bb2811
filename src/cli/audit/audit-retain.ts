import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { baseName, MANIFEST_ENDING } from '../../audit/integrity/archive/archive-format.ts'
import {
  type AuditPartition,
  createAuditPartitions,
  listPartitions,
  settleDefaultPartition,
} from '../../audit/integrity/archive/partition-store.ts'
import { monthsToDrop, retain } from '../../audit/integrity/archive/retention.ts'
import { AppError } from '../../base/errors.ts'
import { loadConfig } from '../../config/config.ts'
import { type AuditCliContext, CALLER, type CliContext, type Open, withContext } from '../context.ts'
import { type OutputOptions, printList } from '../output.ts'
import { endProgress, showProgress } from './audit-archive.ts'

type RetainCommandOptions = OutputOptions & { months?: number; archive?: string; dryRun?: true }
type PartitionsOptions = OutputOptions & { archive?: string; tidy?: true }

/** Adds `audit retain` and `audit partitions`. */
export function registerAuditRetain(audit: Command, open: Open<AuditCliContext>): void {
  audit
    .command('retain')
    .description('drop whole months that are older, each with a signed closing; as the owner of the table')
    .option('--months <count>', 'full months before this one that stay', readMonths)
    .option('--archive <directory>', 'write each month there, and check it, before it is dropped')
    .option('--dry-run', 'only say what would be dropped')
    .option('--json', 'as JSON')
    .action((options: RetainCommandOptions) => withContext(open, (context) => runRetain(context, options)))
  audit
    .command('partitions')
    .description('the months of the log: rows (estimated), bytes, bounds')
    .option('--archive <directory>', 'say which of them are archived there')
    .option(
      '--tidy',
      'first create those of the year ahead, and move events that lie in none into their months',
    )
    .option('--json', 'as JSON')
    .action((options: PartitionsOptions) => withContext(open, (context) => partitions(context, options)))
}

function readMonths(text: string): number {
  const months = Number(text)
  if (!Number.isSafeInteger(months) || months < 1)
    throw new InvalidArgumentError('Not a whole number of at least 1.')
  return months
}

async function runRetain(
  { db, audit, evidence }: AuditCliContext,
  { dryRun, ...given }: RetainCommandOptions,
): Promise<void> {
  const configured = loadConfig().audit
  const months = given.months ?? configured.retention_months
  const directory = given.archive ?? configured.archive_dir
  if (months === undefined)
    throw new AppError(
      'invalid_input',
      'Say how many months stay: --months, or TOOLGATE_AUDIT_RETENTION_MONTHS',
    )
  if (dryRun) {
    const due = await monthsToDrop(db, months)
    const rows = due.map(({ name, starts_at, ends_at }) => ({
      partition: name,
      from: starts_at,
      to: ends_at,
    }))
    return printList({ partitions: rows }, ['partition', 'from', 'to'], given)
  }
  const dropped = await retain(db, audit, {
    months,
    directory,
    evidence,
    actor: CALLER.actor,
    on_progress: showProgress,
  })
  endProgress()
  printList({ partitions: dropped }, ['partition', 'rows', 'closing', 'archive'], given)
}

const MONTHS_AHEAD = 12

async function partitions({ db }: CliContext, options: PartitionsOptions): Promise<void> {
  const { archive = loadConfig().audit.archive_dir, tidy } = options
  if (tidy) {
    await settleDefaultPartition(db)
    await createAuditPartitions(db, MONTHS_AHEAD)
  }
  const rows = (await listPartitions(db)).map((partition) => ({
    partition: partition.name,
    from: partition.starts_at,
    to: partition.ends_at,
    rows: partition.rows_estimated,
    bytes: partition.bytes,
    ...(archive !== undefined && { archived: isArchived(partition, archive) }),
  }))
  const columns = ['partition', 'from', 'to', 'rows', 'bytes'] as const
  printList({ partitions: rows }, archive === undefined ? columns : [...columns, 'archived'], options)
}

function isArchived({ name, starts_at }: AuditPartition, directory: string): boolean {
  return starts_at !== null && existsSync(join(directory, baseName(name, 1) + MANIFEST_ENDING))
}
