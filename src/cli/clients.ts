import type { Command } from 'commander'
import { type ClientOrigin, listClients } from '../clients/client-store.ts'
import { addClient, type ClientCredentials, removeClient, rotateClientSecret } from '../clients/clients.ts'
import { ACTOR, type OpenContext, withContext } from './context.ts'
import { type OutputOptions, printResult, printRows } from './output.ts'

/** Clients that operators register ahead of time, and a look at those that registered themselves. */
function printCredentials(credentials: ClientCredentials, options: OutputOptions): void {
  const { client_id, client_secret } = credentials
  const secret = client_secret
    ? [`client_secret: ${client_secret}`, 'Keep the secret now: it is not shown again.']
    : []
  printResult(credentials, [`client_id:     ${client_id}`, ...secret], options)
}

type AddOptions = OutputOptions & { redirectUri: string[]; secret?: true }
type ListOptions = OutputOptions & { origin?: ClientOrigin; limit: string }

export function registerClientCommands(program: Command, open: OpenContext): void {
  const clients = program.command('clients').description('programs that ask people for access')
  clients
    .command('add <name>')
    .description('register a client ahead of time')
    .requiredOption('--redirect-uri <uri...>', 'where codes may be sent')
    .option('--secret', 'give it a client_secret; it is shown once')
    .option('--json', 'print JSON')
    .action((name: string, options: AddOptions) =>
      withContext(open, async (context) => {
        const { redirectUri: redirect_uris, secret } = options
        const made = await addClient(context, {
          name,
          redirect_uris,
          confidential: secret === true,
          actor: ACTOR,
        })
        printCredentials(made, options)
      }),
    )
  clients
    .command('list')
    .description('clients, newest first')
    .option('--origin <origin>', 'registration or operator')
    .option('-n, --limit <count>', 'how many', '50')
    .option('--json', 'print JSON')
    .action((options: ListOptions) =>
      withContext(open, async ({ db }) => {
        const filter = options.origin ? { origin: options.origin } : {}
        const rows = await listClients(db, filter, { limit: Number(options.limit) || 50 })
        printRows(rows, ['id', 'name', 'origin', 'auth', 'redirect_uris', 'created_at', 'used_at'], options)
      }),
    )
  clients
    .command('rotate-secret <client_id>')
    .description('replace the secret; the old one is refused at once')
    .option('--json', 'print JSON')
    .action((client_id: string, options: OutputOptions) =>
      withContext(open, async (context) =>
        printCredentials(await rotateClientSecret(context, { client_id, actor: ACTOR }), options),
      ),
    )
  clients
    .command('remove <client_id>')
    .description('remove a client and revoke everything people allowed it')
    .action((client_id: string) =>
      withContext(open, async (context) => {
        await removeClient(context, { client_id, actor: ACTOR })
        console.log(`Removed ${client_id}.`)
      }),
    )
}
