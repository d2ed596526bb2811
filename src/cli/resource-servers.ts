import type { Command } from 'commander'
import { listResourceServers } from '../clients/resource-server-store.ts'
import {
  addResourceServer,
  type ResourceServerCredentials,
  removeResourceServer,
  rotateResourceServerSecret,
} from '../clients/resource-servers.ts'
import { ACTOR, type OpenContext, withContext } from './context.ts'
import { type OutputOptions, printResult, printRows } from './output.ts'

/** Credentials with which MCP servers ask /introspect. */
function printCredentials(credentials: ResourceServerCredentials, options: OutputOptions): void {
  const { client_id, client_secret, resource } = credentials
  const lines = [
    `client_id:     ${client_id}`,
    `client_secret: ${client_secret}`,
    `resource:      ${resource}`,
    'Keep the secret now: it is not shown again.',
  ]
  printResult(credentials, lines, options)
}

export function registerResourceServerCommands(program: Command, open: OpenContext): void {
  const servers = program.command('resource-servers').description('MCP servers that may introspect tokens')
  servers
    .command('add <resource>')
    .description('make credentials for the MCP server at this URL; the secret is shown once')
    .option('--id <id>', 'choose the client_id')
    .option('--json', 'print JSON')
    .action((resource: string, options: OutputOptions & { id?: string }) =>
      withContext(open, async (context) =>
        printCredentials(
          await addResourceServer(context, { resource, id: options.id, actor: ACTOR }),
          options,
        ),
      ),
    )
  servers
    .command('list')
    .option('--json', 'print JSON')
    .action((options: OutputOptions) =>
      withContext(open, async ({ db }) =>
        printRows(await listResourceServers(db), ['id', 'resource', 'created_at', 'rotated_at'], options),
      ),
    )
  servers
    .command('rotate-secret <id>')
    .option('--json', 'print JSON')
    .action((id: string, options: OutputOptions) =>
      withContext(open, async (context) =>
        printCredentials(await rotateResourceServerSecret(context, { id, actor: ACTOR }), options),
      ),
    )
  servers.command('remove <id>').action((id: string) =>
    withContext(open, async (context) => {
      await removeResourceServer(context, { id, actor: ACTOR })
      console.log(`Removed ${id}.`)
    }),
  )
}
