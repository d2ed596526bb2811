import type { Command } from 'commander'
import type { AuditCliContext } from '../context.ts'
import { registerAuditArchive } from './audit-archive.ts'
import { registerAuditCheckpointCommand, registerAuditKeyCommands } from './audit-checkpoint.ts'
import { registerExportCommand } from './audit-export.ts'
import { registerAuditImport } from './audit-import.ts'
import { registerAuditProveCommand } from './audit-proof.ts'
import { registerAuditRetain } from './audit-retain.ts'
import { registerStoryCommands } from './audit-story.ts'
import { registerTailCommand } from './audit-tail.ts'
import { registerAuditVerify } from './audit-verify.ts'

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
