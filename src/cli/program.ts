import { Command } from 'commander'
import { openApiDocument } from '../api/operator-api/openapi.ts'
import { loadConfig } from '../config/config.ts'
import { openInstallation } from '../main/installation.ts'
import { migrateUp, migrationStatus } from '../storage/migrate.ts'
import { groupOf, registerActionCommands } from './action-commands.ts'
import { registerAuditCommands } from './audit/audit.ts'
import { registerCatalogueFileCommands } from './catalogue.ts'
import { type AuditCliContext, type CliContext, type Open, openAuditContext, openContext } from './context.ts'
import { registerKeyCommands } from './keys.ts'
import { registerRestoreCommands } from './restore.ts'
import { serve } from './serve/serve.ts'

/** The command line: commands made from the actions of operators, and those that are none. */
async function migrate(options: { status?: true }): Promise<void> {
  const config = loadConfig()
  const { server_role } = config.database
  const { database, close } = await openInstallation(config, {
    application_name: 'toolgate-migrate',
    statement_timeout_ms: 0,
  })
  try {
    if (!options.status) {
      const applied = await migrateUp(database.knex, { server_role })
      console.log(applied.length > 0 ? `Applied: ${applied.join(', ')}` : 'Nothing to apply.')
      if (server_role !== undefined) console.log(`The role ${server_role} may do what a server needs.`)
    }
    const { applied, pending } = await migrationStatus(database.knex)
    console.log(`${applied.length} applied, ${pending.length} pending.`)
  } finally {
    await close()
  }
}

type Opening = { open?: Open<CliContext>; openAudit?: Open<AuditCliContext> }

/**
 * Every command there is.
 * @param name of the command that is to run: a server starts without the programs that look at other deployments
 */
export async function createProgram(
  name?: string,
  { open = openContext, openAudit = openAuditContext }: Opening = {},
): Promise<Command> {
  const program = new Command('toolgate')
    .description('An OAuth 2.1 authorization server made for MCP. Its scopes are tool permissions.')
    .showHelpAfterError('Add --help to see what there is.')
  program.command('serve').description('run the server').action(serve)
  program
    .command('migrate')
    .description('bring the database schema to this version; TOOLGATE_DATABASE_SERVER_ROLE gets its rights')
    .option('--status', 'only show what is applied and pending')
    .action(migrate)
  program
    .command('openapi')
    .description('print the OpenAPI 3.1 document of /operator/api/v1')
    .action(() => console.log(JSON.stringify(openApiDocument(loadConfig().issuer), null, 2)))
  registerKeyCommands(program)
  registerCatalogueFileCommands(groupOf(program, ['catalogue']))
  registerAuditCommands(groupOf(program, ['audit']), openAudit)
  registerRestoreCommands(groupOf(program, ['restore']), openAudit)
  registerActionCommands(program, open)
  if (name !== 'serve') await registerProbes(program)
  return program
}

async function registerProbes(program: Command): Promise<void> {
  const { registerDoctorCommand } = await import('./doctor.ts')
  const { registerReviewCommand } = await import('./review.ts')
  registerDoctorCommand(program)
  registerReviewCommand(program)
}
