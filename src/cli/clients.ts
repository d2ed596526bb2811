import { type Command, InvalidArgumentError, Option } from 'commander'
import { pageOfClients } from '../clients/client-list.ts'
import { CLIENT_ORIGINS, type ClientOrigin } from '../clients/client-list-store.ts'
import { addClient, type ClientCredentials, forgetClient, rotateClientSecret } from '../clients/clients.ts'
import { ACTOR, type CliContext, type OpenContext, withContext } from './context.ts'
import { type OutputOptions, printResult, printRows } from './output.ts'

/** Clients that operators register ahead of time, and a look at all others. */
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
  printCredentials(await addClient(context, { name, redirect_uris, confidential }, { actor: ACTOR }), options)
}

const COLUMNS = [
  'client_id',
  'name',
  'origin',
  'redirect_hosts',
  'registered_at',
  'last_used_at',
  'live_grants',
  'blocked',
] as const

async function list(context: CliContext, { origin, limit, ...options }: ListOptions): Promise<void> {
  const { clients } = await pageOfClients(context, { origin }, { limit })
  printRows(clients, COLUMNS, options)
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
    .description('clients, newest first, however they came to be known')
    .addOption(new Option('--origin <origin>', 'only those that came so').choices(CLIENT_ORIGINS))
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
        printCredentials(await rotateClientSecret(context, client_id, { actor: ACTOR }), options),
      ),
    )
  clients
    .command('remove <client_id>')
    .description('remove a client and revoke everything people allowed it')
    .option('--json', 'print JSON')
    .action((client_id: string, options: OutputOptions) =>
      withContext(open, async (context) => {
        const answer = await forgetClient(context, client_id, { actor: ACTOR })
        printResult(answer, [`Removed ${client_id}.`], options)
      }),
    )
}
