import { type Command, InvalidArgumentError, Option } from 'commander'
import { type ClientOrigin, listClients } from '../clients/client-store.ts'
import { addClient, type ClientCredentials, removeClient, rotateClientSecret } from '../clients/clients.ts'
import { ACTOR, type CliContext, type OpenContext, withContext } from './context.ts'
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
type ListOptions = OutputOptions & { origin?: ClientOrigin; limit: number }

async function add(context: CliContext, name: string, options: AddOptions): Promise<void> {
  const { redirectUri: redirect_uris, secret } = options
  const confidential = secret === true
  printCredentials(await addClient(context, { name, redirect_uris, confidential, actor: ACTOR }), options)
}

async function list({ db }: CliContext, { origin, limit, ...options }: ListOptions): Promise<void> {
  const rows = await listClients(db, origin ? { origin } : {}, { limit })
  printRows(rows, ['id', 'name', 'origin', 'auth', 'redirect_uris', 'created_at', 'used_at'], options)
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a whole number, 1 or more.')
  return Number(text)
}

function registerAddAndList(clients: Command, open: OpenContext): void {
  clients
    .command('add <name>')
    .description('register a client ahead of time')
    .requiredOption('--redirect-uri <uri...>', 'where codes may be sent')
    .option('--secret', 'give it a client_secret; it is shown once')
    .option('--json', 'print JSON')
    .action((name: string, options: AddOptions) =>
      withContext(open, (context) => add(context, name, options)),
    )
  clients
    .command('list')
    .description('clients, newest first; those with a metadata document are not among them')
    .addOption(
      new Option('--origin <origin>', 'only those that came so').choices(['registration', 'operator']),
    )
    .option('-n, --limit <count>', 'how many', wholeNumber, 50)
    .option('--json', 'print JSON')
    .action((options: ListOptions) => withContext(open, (context) => list(context, options)))
}

export function registerClientCommands(program: Command, open: OpenContext): void {
  const clients = program.command('clients').description('programs that ask people for access')
  registerAddAndList(clients, open)
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
