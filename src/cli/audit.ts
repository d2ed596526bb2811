import type { Command } from 'commander'
import type { Knex } from 'knex'
import type { AuditLog } from '../audit/audit-log.ts'
import type { Evidence } from '../audit/evidence.ts'
import type { Verification } from '../audit/verify.ts'
import { verifyLog } from '../audit/verify-log.ts'
import { registerAuditArchive, verifyArchive } from './audit-archive.ts'
import { registerAuditCheckpointCommand, registerAuditKeyCommands } from './audit-checkpoint.ts'
import { registerExportCommand } from './audit-export.ts'
import { registerAuditProveCommand, verifyProofFile } from './audit-proof.ts'
import { registerAuditRetain } from './audit-retain.ts'
import { registerStoryCommands } from './audit-story.ts'
import { registerTailCommand } from './audit-tail.ts'
import { isDatabaseConfigured, withContext } from './context.ts'

/** What the audit commands need of an open installation. */
export type AuditCliContext = {
  knex: Knex
  audit: Pick<AuditLog, 'appendIn'>
  evidence?: Evidence | undefined
  close(): Promise<void>
}

/** Adds the `audit` commands. `open` connects to the database; each command closes what it opened. */
export function registerAuditCommands(program: Command, open: () => Promise<AuditCliContext>): void {
  const audit = program.command('audit').description('read, sign, prove and verify the audit log')
  registerTailCommand(audit, open)
  audit
    .command('verify')
    .description('recompute every hash; ends with 1 when a row was changed, moved or removed')
    .option(
      '--archive <path>',
      'check a directory of archives, or one of them, and the log when a database is configured',
    )
    .option('--offline', 'check only the archives')
    .option('--proof <file>', 'check this proof of one event instead; needs no database')
    .option('--key <key>', 'the thumbprint, or a file with the JWK, that --proof must be signed with')
    .option('--json', 'the result as JSON')
    .action((options: VerifyOptions) => {
      const { archive, offline, proof } = options
      if (proof !== undefined) return verifyProofFile(proof, options)
      if (archive === undefined) return withContext(open, (context) => verify(context, options))
      return verifyArchive(offline || !isDatabaseConfigured() ? undefined : open, { ...options, archive })
    })
  registerStoryCommands(audit, open)
  registerExportCommand(audit, open)
  registerAuditArchive(audit, open)
  registerAuditRetain(audit, open)
  registerAuditProveCommand(audit, open)
  registerAuditCheckpointCommand(audit, open)
  registerAuditKeyCommands(audit)
}

type VerifyOptions = { json?: true; archive?: string; offline?: true; proof?: string; key?: string }

async function verify({ knex, evidence }: AuditCliContext, options: { json?: true }): Promise<void> {
  const result = await verifyLog(knex, {
    check_signature: evidence?.check_signature,
    on_progress: ({ rows }) => process.stderr.write(`\r${rows} rows checked`),
  })
  if (result.rows > 0) process.stderr.write('\n')
  console.log(options.json ? JSON.stringify(result) : verdict(result))
  if (result.fault_count > 0) process.exitCode = 1
}

function verdict({ rows, writers, faults, fault_count }: Verification): string {
  const checked = `${rows} rows of ${writers} writers`
  const [first] = faults
  if (!first) return `The audit log is whole: ${checked}.`
  const lines = faults.map(
    (fault) => `  writer ${fault.writer_id} seq ${fault.seq} ${fault.kind}: ${fault.message}`,
  )
  const head = `The audit log is NOT whole: ${fault_count} faults in ${checked}.`
  return [head, `First bad row: writer ${first.writer_id} seq ${first.seq}.`, ...lines].join('\n')
}
