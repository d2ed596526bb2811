import type { Command } from 'commander'
import type { Knex } from 'knex'
import type { Evidence } from '../audit/archive/evidence.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { registerAuditArchive } from './audit-archive.ts'
import { registerAuditCheckpointCommand, registerAuditKeyCommands } from './audit-checkpoint.ts'
import { registerExportCommand } from './audit-export.ts'
import { registerAuditImport } from './audit-import.ts'
import { registerAuditProveCommand } from './audit-proof.ts'
import { registerAuditRetain } from './audit-retain.ts'
import { registerStoryCommands } from './audit-story.ts'
import { registerTailCommand } from './audit-tail.ts'
import { registerAuditVerify } from './audit-verify.ts'

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
  registerAuditVerify(audit, open)
  registerStoryCommands(audit, open)
  registerExportCommand(audit, open)
  registerAuditArchive(audit, open)
  registerAuditImport(audit, open)
  registerAuditRetain(audit, open)
  registerAuditProveCommand(audit, open)
  registerAuditCheckpointCommand(audit, open)
  registerAuditKeyCommands(audit)
}
