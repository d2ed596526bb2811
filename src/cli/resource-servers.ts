import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { listResourceServers } from '../clients/resource-server-store.ts'
import {
  addResourceServer,
  type ResourceServerCredentials,
  removeResourceServer,
  rotateResourceServerSecret,
} from '../clients/resource-servers.ts'
import { ACTOR, type CliContext, type OpenContext, withContext } from './context.ts'
import { type OutputOptions, printResult, printRows } from './output.ts'

/** Credentials with which MCP servers ask /introspect. A secret comes from a file or is made; never from arguments. */
type AddOptions = OutputOptions & { id?: string; secretFile?: string }

async function add(context: CliContext, resource: string, options: AddOptions): Promise<void> {
  const { id, secretFile } = options
  if (secretFile === undefined)
    return printCredentials(await addResourceServer(context, { resource, id, actor: ACTOR }), options)
  const secret = readFileSync(secretFile, 'utf8').trim()
  const made = await addResourceServer(context, { resource, id, secret, actor: ACTOR })
  const { client_secret: _, ...shown } = made
  printResult(shown, [`client_id: ${made.client_id}`, `resource:  ${made.resource}`], options)
}

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
    .description('make credentials for the MCP server at this URL; a secret made here is shown once')
    .option('--id <id>', 'choose the client_id')
    .option('--secret-file <file>', 'take the secret from this file; adding the same again changes nothing')
    .option('--json', 'print JSON')
    .action((resource: string, options: AddOptions) =>
      withContext(open, (context) => add(context, resource, options)),
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
