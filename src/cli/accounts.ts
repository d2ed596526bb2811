import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import {
  addAccount,
  disableAccount,
  enableAccount,
  type ManagementDependencies,
  pageOfAccounts,
  resetPassword,
  setRoles,
} from '../accounts/account-management.ts'
import type { Account } from '../accounts/account-store.ts'
import { builtIn } from '../api/operator-api/operator-resource.ts'
import { CatalogueCache } from '../catalogue/catalogue-store.ts'
import { loadConfig } from '../config/config.ts'
import { ACTOR, type CliContext, type OpenContext, withContext } from './context.ts'
import { type OutputOptions, printResult, printRows } from './output.ts'

/** People who sign in. Passwords are read from standard input or made here; never from the command line. */
type PasswordOptions = { passwordStdin?: true }

const BY = { actor: ACTOR }

function managed(context: CliContext): ManagementDependencies {
  return { ...context, catalogues: new CatalogueCache(builtIn(loadConfig().issuer)) }
}

function typedPassword({ passwordStdin }: PasswordOptions): string | undefined {
  return passwordStdin ? readFileSync(0, 'utf8').replace(/\r?\n$/, '') : undefined
}

function shown(password: string | undefined): string[] {
  if (password === undefined) return []
  return [`Password: ${password}`, 'Keep it now: it is not shown again.']
}

type ListOptions = OutputOptions & { username?: string; role?: string; disabled?: true }

async function list(
  { db }: CliContext,
  { username, role, disabled, ...options }: ListOptions,
): Promise<void> {
  const rows: Account[] = []
  let after: string | undefined
  do {
    const page = await pageOfAccounts({ db }, { username, role, disabled }, { limit: 500, after })
    rows.push(...page.accounts)
    after = page.next
  } while (after !== undefined)
  printRows(rows, ['id', 'username', 'roles', 'created_at', 'disabled_at'], options)
}

function registerCreateAndList(accounts: Command, open: OpenContext): void {
  accounts
    .command('create <username>')
    .description('make an account; without --password-stdin a password is made and shown once')
    .option('--role <role...>', 'roles from the catalogue, operator or auditor', [])
    .option('--password-stdin', 'read the password from standard input')
    .option('--json', 'print JSON')
    .action((username: string, options: OutputOptions & PasswordOptions & { role: string[] }) =>
      withContext(open, async (context) => {
        const request = { username, password: typedPassword(options), roles: options.role }
        const made = await addAccount(managed(context), request, BY)
        printResult(made, [`Created ${made.username} (${made.id}).`, ...shown(made.password)], options)
      }),
    )
  accounts
    .command('list')
    .description('accounts with their roles')
    .option('--username <start>', 'only those whose username begins so')
    .option('--role <role>', 'only those with this role')
    .option('--disabled', 'only those that are disabled')
    .option('--json', 'print JSON')
    .action((options: ListOptions) => withContext(open, (context) => list(context, options)))
}

function registerRolesAndPassword(accounts: Command, open: OpenContext): void {
  accounts
    .command('roles <username> [roles...]')
    .description('replace the roles of an account')
    .option('--json', 'print JSON')
    .action((username: string, roles: string[], options: OutputOptions) =>
      withContext(open, async (context) => {
        const account = await setRoles(managed(context), username, roles, BY)
        const line = `${username}: ${roles.join(' ') || 'no roles'}; it counts from the next request on.`
        printResult(account, [line], options)
      }),
    )
  accounts
    .command('set-password <username>')
    .description(
      'replace the password and end all sessions; without --password-stdin one is made and shown once',
    )
    .option('--password-stdin', 'read the password from standard input')
    .option('--json', 'print JSON')
    .action((username: string, options: OutputOptions & PasswordOptions) =>
      withContext(open, async (context) => {
        const reset = await resetPassword(managed(context), username, typedPassword(options), BY)
        const line = `${username}: password changed, and signed out everywhere.`
        printResult(reset, [line, ...shown(reset.password)], options)
      }),
    )
}

function registerAbility(
  accounts: Command,
  open: OpenContext,
  { name, what, work }: { name: string; what: string; work: typeof disableAccount },
): void {
  accounts
    .command(`${name} <username>`)
    .description(what)
    .option('--json', 'print JSON')
    .action((username: string, options: OutputOptions) =>
      withContext(open, async (context) => {
        const account = await work(managed(context), username, BY)
        printResult(account, [`${username}: ${name}d; it counts from the next request on.`], options)
      }),
    )
}

export function registerAccountCommands(program: Command, open: OpenContext): void {
  const accounts = program.command('accounts').description('people who sign in')
  registerCreateAndList(accounts, open)
  registerRolesAndPassword(accounts, open)
  const what = 'sign out everywhere; its tokens answer inactive at once'
  registerAbility(accounts, open, { name: 'disable', what, work: disableAccount })
  registerAbility(accounts, open, { name: 'enable', what: 'undo disable', work: enableAccount })
}
