import { type Command, InvalidArgumentError } from 'commander'
import { type Archived, archiveMonth, monthsToArchive } from '../../audit/integrity/archive/archive.ts'
import { verifyArchivesAndLog } from '../../audit/integrity/archive/archive-live.ts'
import { type ArchiveVerification, verifyArchives } from '../../audit/integrity/archive/archive-verify.ts'
import { checkClosingSignature } from '../../audit/integrity/checkpoints/checkpoint-evidence.ts'
import type { Verification } from '../../audit/integrity/verification/verify.ts'
import { type AuditCliContext, type Open, withContext } from '../context.ts'
import { type OutputOptions, printList, printResult } from '../output.ts'
import { readKey } from './audit-proof.ts'

type ArchiveCommandOptions = OutputOptions & { output: string; before?: Date; partition?: string }

/** Adds `audit archive`: finished months as compressed files that can be verified without a database. */
export function registerAuditArchive(audit: Command, open: Open<AuditCliContext>): void {
  audit
    .command('archive')
    .description(
      'write finished months to compressed files with manifests; a month that is there is compared',
    )
    .requiredOption('-o, --output <directory>', 'where the files go')
    .option('--before <month>', 'only months before this one, like 2026-01', readMonth)
    .option('--partition <name>', 'only this one, like audit_events_2026_01')
    .option('--json', 'the manifests as JSON')
    .action((options: ArchiveCommandOptions) => withContext(open, (context) => archive(context, options)))
}

async function archive(
  { db, evidence }: AuditCliContext,
  { output: directory, partition, before, ...options }: ArchiveCommandOptions,
): Promise<void> {
  const done: Archived[] = []
  for (const month of await monthsToArchive(db, { partition, before }))
    done.push(await archiveMonth(db, month, { directory, evidence, on_progress: showProgress }))
  endProgress()
  const rows = done.map(({ manifest, path, is_new }) => ({
    partition: manifest.partition,
    rows: manifest.rows,
    bytes: manifest.file_bytes,
    path,
    done: is_new ? 'written' : 'was there',
  }))
  printList({ archives: rows }, ['partition', 'rows', 'bytes', 'path', 'done'], options)
}

/** `2026-01` as the moment when it begins, in UTC. */
export function readMonth(text: string): Date {
  const date = new Date(`${text}-01T00:00:00Z`)
  if (!/^\d{4}-\d{2}$/.test(text) || Number.isNaN(date.getTime()))
    throw new InvalidArgumentError('Not a month like 2026-01.')
  return date
}

let progress_shown = false

/** One line on the terminal, written over and over. */
export function showProgress({ partition, rows }: { partition?: string; rows: number }): void {
  progress_shown = true
  process.stderr.write(`\r${partition ? `${partition}: ` : ''}${rows} rows`)
}

export function endProgress(): void {
  if (progress_shown) process.stderr.write('\n')
  progress_shown = false
}

export type VerifyArchiveOptions = OutputOptions & { archive: string; key?: string | undefined }

/**
 * `audit verify --archive`: the archives by themselves when `open` is undefined, else with the log they came from.
 * Ends with 1 when something is wrong.
 */
export async function verifyArchive(
  open: Open<AuditCliContext> | undefined,
  { archive: path, key, json }: VerifyArchiveOptions,
): Promise<void> {
  const public_key = key === undefined ? undefined : await readKey(key)
  const options = {
    check_signature: (jws: string) => checkClosingSignature(jws, { public_key }),
    on_progress: showProgress,
  }
  const result = open
    ? await withContext(open, ({ db }) => verifyArchivesAndLog(db, path, options))
    : { archives: await verifyArchives(path, options), log: undefined }
  endProgress()
  const { archives, log } = result
  printResult(result, [...archiveVerdict(archives), ...logVerdict(log)], json ? { json } : {})
  if (archives.fault_count + (log?.fault_count ?? 0) > 0) process.exitCode = 1
}

function archiveVerdict(found: ArchiveVerification): string[] {
  const { archives, signers, rows, writers, begun_before, faults, fault_count } = found
  const checked = `${archives} archives with ${rows} rows of ${writers} writers`
  if (fault_count > 0)
    return [
      `The archives are NOT whole: ${fault_count} faults in ${checked}.`,
      ...faults.map(({ archive, writer_id, seq, message }) => {
        const place = [archive, writer_id && `writer ${writer_id} seq ${seq}`].filter(Boolean).join(' ')
        return `  ${place}: ${message}`
      }),
    ]
  return [
    `The archives are whole: ${checked}.`,
    ...(begun_before > 0 ? [`${begun_before} chains began before them.`] : []),
    `Signed with the key ${signers.join(', ')}; that it is the key of this log you must know, or name it with --key.`,
  ]
}

function logVerdict(log: Verification | undefined): string[] {
  if (!log) return []
  const checked = `${log.rows} rows of ${log.writers} writers`
  if (log.fault_count === 0) return [`The audit log goes on from them and is whole: ${checked}.`]
  return [
    `The audit log is NOT whole: ${log.fault_count} faults in ${checked}.`,
    ...log.faults.map(
      ({ writer_id, seq, kind, message }) => `  writer ${writer_id} seq ${seq} ${kind}: ${message}`,
    ),
  ]
}
