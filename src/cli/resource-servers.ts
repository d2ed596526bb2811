import { readFileSync, writeFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { AppError } from '../base/errors.ts'
import { parseJson } from '../base/json.ts'
import { generateSigningKey } from '../clients/keys/signing-key.ts'
import {
  addResourceServer,
  addResourceServerWithKeys,
  pageOfResourceServers,
  type ResourceServerCredentials,
  type ResourceServerIdentity,
  removeResourceServer,
  rotateResourceServerKeys,
  rotateResourceServerSecret,
} from '../clients/resource-servers/resource-servers.ts'
import { ACTOR, type CliContext, type OpenContext, withContext } from './context.ts'
import { type OutputOptions, printResult, printRows } from './output.ts'

/** Credentials with which MCP servers ask /introspect. A secret comes from a file or is made; never from arguments. */
type AddOptions = OutputOptions & { id?: string; secretFile?: string; jwks?: string }
type KeyOptions = OutputOptions & { jwks: string }

async function add(context: CliContext, resource: string, options: AddOptions): Promise<void> {
  const { id, secretFile, jwks } = options
  if (jwks !== undefined) {
    const request = { resource, id, jwks: readKeys(jwks) }
    return printIdentity(await addResourceServerWithKeys(context, request, { actor: ACTOR }), options)
  }
  if (secretFile === undefined)
    return printCredentials(await addResourceServer(context, { resource, id }, { actor: ACTOR }), options)
  const secret = readFileSync(secretFile, 'utf8').trim()
  const made = await addResourceServer(context, { resource, id, secret }, { actor: ACTOR })
  const { client_secret: _, ...shown } = made
  printIdentity(shown, options)
}

async function rotateKeys(context: CliContext, id: string, options: KeyOptions): Promise<void> {
  const jwks = readKeys(options.jwks)
  printIdentity(await rotateResourceServerKeys(context, { id, jwks }, { actor: ACTOR }), options)
}

function readKeys(file: string): unknown {
  const jwks = parseJson(readFileSync(file, 'utf8'))
  if (jwks === undefined) throw new AppError('invalid_input', `${file} is not JSON; it must hold a JWK Set`)
  return jwks
}

/** The private half into a file that is new and closed to others, the public half to be registered. */
async function createKey(file: string): Promise<void> {
  const { private_key, jwks } = await generateSigningKey()
  writeFileSync(file, `${JSON.stringify(private_key)}\n`, { mode: 0o600, flag: 'wx' })
  console.log(JSON.stringify(jwks))
}

function printIdentity(identity: ResourceServerIdentity, options: OutputOptions): void {
  printResult(identity, [`client_id: ${identity.client_id}`, `resource:  ${identity.resource}`], options)
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

const COLUMNS = ['id', 'resource', 'authentication', 'created_at', 'rotated_at'] as const
const LISTED_MAX = 500

export function registerResourceServerCommands(program: Command, open: OpenContext): void {
  const servers = program.command('resource-servers').description('MCP servers that may introspect tokens')
  registerAdd(servers, open)
  servers
    .command('list')
    .description('who may introspect, and how each proves itself')
    .option('--json', 'print JSON')
    .action((options: OutputOptions) =>
      withContext(open, async (context) => {
        const { resource_servers } = await pageOfResourceServers(context, { limit: LISTED_MAX })
        printRows(resource_servers, COLUMNS, options)
      }),
    )
  registerRotations(servers, open)
  servers
    .command('remove <id>')
    .description('it is refused from the next introspection on')
    .option('--json', 'print JSON')
    .action((id: string, options: OutputOptions) =>
      withContext(open, async (context) => {
        await removeResourceServer(context, id, { actor: ACTOR })
        printResult({ removed: [id] }, [`Removed ${id}.`], options)
      }),
    )
}

function registerAdd(servers: Command, open: OpenContext): void {
  servers
    .command('add <resource>')
    .description('make credentials for the MCP server at this URL; a secret made here is shown once')
    .option('--id <id>', 'choose the client_id')
    .option('--secret-file <file>', 'take the secret from this file; adding the same again changes nothing')
    .addOption(
      new Option(
        '--jwks <file>',
        'no secret: it signs with a key whose public half is in this file',
      ).conflicts('secretFile'),
    )
    .option('--json', 'print JSON')
    .action((resource: string, options: AddOptions) =>
      withContext(open, (context) => add(context, resource, options)),
    )
  servers
    .command('create-key <file>')
    .description('make a key: the private half goes into the file, the public half (a JWK Set) is printed')
    .action(createKey)
}

function registerRotations(servers: Command, open: OpenContext): void {
  servers
    .command('rotate-secret <id>')
    .description('a new secret, shown once; the old one, or its keys, end at once')
    .option('--json', 'print JSON')
    .action((id: string, options: OutputOptions) =>
      withContext(open, async (context) =>
        printCredentials(await rotateResourceServerSecret(context, id, { actor: ACTOR }), options),
      ),
    )
  servers
    .command('rotate-keys <id>')
    .description('these public keys count from now on, and no others')
    .requiredOption('--jwks <file>', 'a JWK Set')
    .option('--json', 'print JSON')
    .action((id: string, options: KeyOptions) =>
      withContext(open, (context) => rotateKeys(context, id, options)),
    )
}
