import { Command } from 'commander'
import { generateKeys } from '../authorization-server/keys.ts'
import { loadConfig } from '../config/config.ts'
import { openInstallation } from '../main/installation.ts'
import { migrateUp, migrationStatus } from '../storage/migrate.ts'
import { registerAccountCommands } from './accounts.ts'
import { registerActionCommands } from './action-commands.ts'
import { registerAuditCommands } from './audit/audit.ts'
import { registerCatalogueCommands } from './catalogue.ts'
import { registerClientCommands } from './clients.ts'
import { openAuditContext, openContext } from './context.ts'
import { registerOpenApiCommand } from './openapi.ts'
import { registerOperatorCommands } from './operator.ts'
import { registerResourceServerCommands } from './resource-servers.ts'
import { serve } from './serve/serve.ts'
import { registerTraceCommand } from './trace.ts'

/** The command line. Each command is one call into the domain; nothing is decided here. */
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

/**
 * Every command there is. Those for actions of operators that no file here words better are made from the actions.
 * @param name of the command that is to run: a server starts without the programs that look at other deployments
 */
export async function createProgram(name?: string): Promise<Command> {
  const program = new Command('toolgate')
    .description('An OAuth 2.1 authorization server made for MCP. Its scopes are tool permissions.')
    .showHelpAfterError()
  program.command('serve').description('run the server').action(serve)
  program
    .command('migrate')
    .description('bring the database schema to this version; TOOLGATE_DATABASE_SERVER_ROLE gets its rights')
    .option('--status', 'only show what is applied and pending')
    .action(migrate)
  program
    .command('keys')
    .description('signing and cookie keys')
    .command('create')
    .description('print new keys for TOOLGATE_KEYS or TOOLGATE_KEYS_FILE')
    .action(async () => console.log(JSON.stringify(await generateKeys())))
  registerCatalogueCommands(program, openContext)
  registerAccountCommands(program, openContext)
  registerClientCommands(program, openContext)
  registerResourceServerCommands(program, openContext)
  registerOperatorCommands(program, openContext)
  registerAuditCommands(program, openAuditContext)
  registerTraceCommand(program, openContext)
  registerOpenApiCommand(program)
  if (name !== 'serve') await registerProbes(program)
  registerActionCommands(program, openContext)
  return program
}

async function registerProbes(program: Command): Promise<void> {
  const { registerDoctorCommand } = await import('./doctor.ts')
  const { registerReviewCommand } = await import('./review.ts')
  registerDoctorCommand(program)
  registerReviewCommand(program)
}
