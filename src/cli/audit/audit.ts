import type { Command } from 'commander'
import type { AuditCliContext, Open } from '../context.ts'
import { registerAuditArchive } from './audit-archive.ts'
import { registerAuditCheckpointCommand, registerAuditKeyCommands } from './audit-checkpoint.ts'
import { registerExportCommand } from './audit-export.ts'
import { registerAuditImport } from './audit-import.ts'
import { registerAuditProveCommand } from './audit-proof.ts'
import { registerAuditRetain } from './audit-retain.ts'
import { registerAuditVerify } from './audit-verify.ts'

/** Adds the `audit` commands that are no action. `open` connects to the database; each closes what it opened. */
export function registerAuditCommands(audit: Command, open: Open<AuditCliContext>): void {
  registerAuditVerify(audit, open)
  registerExportCommand(audit, open)
  registerAuditArchive(audit, open)
  registerAuditImport(audit, open)
  registerAuditRetain(audit, open)
  registerAuditProveCommand(audit, open)
  registerAuditCheckpointCommand(audit, open)
  registerAuditKeyCommands(audit)
}
