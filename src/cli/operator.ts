import type { Command } from 'commander'
import { OPERATOR_SCOPES } from '../accounts/operator-scopes.ts'
import {
  createOperatorToken,
  pageOfOperatorTokens,
  revokeOperatorToken,
} from '../accounts/operator-tokens.ts'
import {
  pageOfGrants,
  pageOfRefreshTokens,
  revokeGrants,
  revokeRefreshToken,
  revokeRefreshTokens,
  showGrant,
} from '../grants/grants.ts'
import { ACTOR, type OpenContext, withContext } from './context.ts'
import { type OutputOptions, printResult, printRows } from './output.ts'

/** What operators do with grants, refresh tokens and operator tokens. */
type Which = { account?: string; client?: string; resource?: string; limit?: string }
type Revoke = Which & OutputOptions & { reason?: string }

const GRANT_COLUMNS = [
  'id',
  'username',
  'client_id',
  'resource',
  'scope',
  'created_at',
  'refresh_tokens',
] as const
const TOKEN_COLUMNS = [
  'id',
  'grant_id',
  'username',
  'client_id',
  'resource',
  'created_at',
  'expires_at',
] as const

const OPERATOR_TOKEN_COLUMNS = ['id', 'name', 'scope', 'created_by', 'created_at', 'expires_at'] as const
const LISTED_TOKENS_MAX = 500

function withFilter(command: Command): Command {
  return command
    .option('--account <name>', 'only of this account (username or id)')
    .option('--client <client_id>', 'only of this client')
    .option('--resource <url>', 'only for this resource')
    .option('--json', 'print JSON')
}

function filterOf({ account, client, resource }: Which) {
  return { account, client_id: client, resource }
}

function revokedLines(revoked: string[]): string[] {
  if (revoked.length === 0) return ['Nothing to revoke: no live grant matches.']
  return [
    `Revoked ${revoked.length} grant(s); the next introspection of their tokens answers inactive.`,
    ...revoked,
  ]
}

function registerGrants(program: Command, open: OpenContext): void {
  const grants = program.command('grants').description('what people allowed which client')
  withFilter(grants.command('list').description('live grants, newest first'))
    .option('-n, --limit <count>', 'how many', '50')
    .action((options: Which & OutputOptions) =>
      withContext(open, async (context) => {
        const { grants } = await pageOfGrants(context, filterOf(options), {
          limit: Number(options.limit) || 50,
        })
        printRows(grants, GRANT_COLUMNS, options)
      }),
    )
  grants
    .command('show <grant>')
    .description('one grant with its refresh tokens')
    .option('--json', 'print JSON')
    .action((id: string, options: OutputOptions) =>
      withContext(open, async (context) => {
        const { live_refresh_tokens, ...grant } = await showGrant(context, id)
        if (options.json) return printResult({ ...grant, live_refresh_tokens }, [], options)
        printRows([grant], GRANT_COLUMNS, options)
        printRows(live_refresh_tokens, TOKEN_COLUMNS, options)
      }),
    )
  withFilter(
    grants
      .command('revoke [grant]')
      .description('revoke one grant, or all of an account, client or resource'),
  )
    .option('--reason <text>', 'why, for the audit log')
    .action((id: string | undefined, options: Revoke) =>
      withContext(open, async (context) => {
        const { reason } = options
        const { revoked } = await revokeGrants(
          context,
          { id, ...filterOf(options) },
          { actor: ACTOR, reason },
        )
        printResult({ revoked }, revokedLines(revoked), options)
      }),
    )
}

function registerRefreshTokens(program: Command, open: OpenContext): void {
  const tokens = program.command('refresh-tokens').description('the lasting credentials of clients')
  withFilter(tokens.command('list').description('live refresh tokens, newest first'))
    .option('-n, --limit <count>', 'how many', '50')
    .action((options: Which & OutputOptions) =>
      withContext(open, async (context) => {
        const { refresh_tokens } = await pageOfRefreshTokens(context, filterOf(options), {
          limit: Number(options.limit) || 50,
        })
        printRows(refresh_tokens, TOKEN_COLUMNS, options)
      }),
    )
  withFilter(
    tokens
      .command('revoke [token]')
      .description('revoke one by its id, or all of an account, client or resource'),
  )
    .option('--reason <text>', 'why, for the audit log')
    .action((id: string | undefined, options: Revoke) =>
      withContext(open, async (context) => {
        const by = { actor: ACTOR, reason: options.reason }
        const { revoked } = id
          ? await revokeRefreshToken(context, id, by)
          : await revokeRefreshTokens(context, filterOf(options), by)
        printResult({ revoked }, revokedLines(revoked), options)
      }),
    )
}

function registerOperatorTokens(program: Command, open: OpenContext): void {
  const tokens = program.command('operator-tokens').description('tokens for /operator/api/v1')
  tokens
    .command('create <name>')
    .description('make one; it is shown once')
    .option('--days <count>', 'lifetime', '90')
    .option('--scope <scope...>', `what it may do: ${OPERATOR_SCOPES.join(', ')} (default: read and revoke)`)
    .option('--json', 'print JSON')
    .action((name: string, options: OutputOptions & { days: string; scope?: string[] }) =>
      withContext(open, async (context) => {
        const { days, scope: scopes } = options
        const made = await createOperatorToken(
          context,
          { name, days: Number(days), scopes },
          { actor: ACTOR },
        )
        printResult(made, [made.token, 'Keep it now: it is not shown again.'], options)
      }),
    )
  tokens
    .command('list')
    .description('names, ids and what they open, never the tokens')
    .option('--json', 'print JSON')
    .action((options: OutputOptions) =>
      withContext(open, async (context) => {
        const { operator_tokens } = await pageOfOperatorTokens(context, { limit: LISTED_TOKENS_MAX })
        printRows(operator_tokens, OPERATOR_TOKEN_COLUMNS, options)
      }),
    )
  tokens
    .command('revoke <id>')
    .description('end one at once, by its id')
    .option('--json', 'print JSON')
    .action((id: string, options: OutputOptions) =>
      withContext(open, async (context) => {
        const { revoked } = await revokeOperatorToken(context, id, { actor: ACTOR })
        const said = revoked.length > 0 ? `Revoked ${id}.` : `There is no operator token ${id}.`
        printResult({ revoked }, [said], options)
      }),
    )
}

export function registerOperatorCommands(program: Command, open: OpenContext): void {
  registerGrants(program, open)
  registerRefreshTokens(program, open)
  registerOperatorTokens(program, open)
}
