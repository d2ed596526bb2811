import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { listAccounts } from '../accounts/account-store.ts'
import { type AccountChange, changeAccount, createAccount } from '../accounts/accounts.ts'
import { ACTOR, type OpenContext, withContext } from './context.ts'
import { type OutputOptions, printResult, printRows } from './output.ts'

/** People who sign in. Passwords are read from standard input or made here; never from the command line. */
type PasswordOptions = { passwordStdin?: true }

function choosePassword({ passwordStdin }: PasswordOptions): { password: string; shown: string[] } {
  if (passwordStdin) return { password: readFileSync(0, 'utf8').replace(/\r?\n$/, ''), shown: [] }
  const password = randomBytes(15).toString('base64url')
  return { password, shown: [`Password: ${password}`, 'Keep it now: it is not shown again.'] }
}

function registerChange(
  accounts: Command,
  open: OpenContext,
  name: string,
  what: string,
  change: AccountChange,
): void {
  accounts
    .command(`${name} <username>`)
    .description(what)
    .option('--json', 'print JSON')
    .action((username: string, options: OutputOptions) =>
      withContext(open, async (context) => {
        await changeAccount(context, { username, change, actor: ACTOR })
        const said = `${username}: ${name}d; it counts from the next request on.`
        printResult({ username, ...change }, [said], options)
      }),
    )
}

export function registerAccountCommands(program: Command, open: OpenContext): void {
  const accounts = program.command('accounts').description('people who sign in')
  accounts
    .command('create <username>')
    .description('make an account; without --password-stdin a password is made and shown once')
    .option('--role <role...>', 'roles from the catalogue', [])
    .option('--password-stdin', 'read the password from standard input')
    .option('--json', 'print JSON')
    .action((username: string, options: OutputOptions & PasswordOptions & { role: string[] }) =>
      withContext(open, async (context) => {
        const { password, shown } = choosePassword(options)
        const made = await createAccount(context, { username, password, roles: options.role, actor: ACTOR })
        const secret = shown.length > 0 ? { password } : {}
        printResult({ ...made, ...secret }, [`Created ${made.username} (${made.id}).`, ...shown], options)
      }),
    )
  accounts
    .command('list')
    .option('--json', 'print JSON')
    .action((options: OutputOptions) =>
      withContext(open, async ({ db }) =>
        printRows(await listAccounts(db), ['id', 'username', 'roles', 'created_at', 'disabled_at'], options),
      ),
    )
  accounts
    .command('roles <username> [roles...]')
    .description('replace the roles of an account')
    .option('--json', 'print JSON')
    .action((username: string, roles: string[], options: OutputOptions) =>
      withContext(open, async (context) => {
        await changeAccount(context, { username, change: { roles }, actor: ACTOR })
        const said = `${username}: ${roles.join(' ') || 'no roles'}; it counts from the next request on.`
        printResult({ username, roles }, [said], options)
      }),
    )
  accounts
    .command('set-password <username>')
    .option('--password-stdin', 'read the password from standard input')
    .option('--json', 'print JSON')
    .action((username: string, options: OutputOptions & PasswordOptions) =>
      withContext(open, async (context) => {
        const { password, shown } = choosePassword(options)
        await changeAccount(context, { username, change: { password }, actor: ACTOR })
        const secret = shown.length > 0 ? { password } : {}
        printResult({ username, ...secret }, [`${username}: password changed.`, ...shown], options)
      }),
    )
  registerChange(accounts, open, 'disable', 'its tokens answer inactive at once', { disabled: true })
  registerChange(accounts, open, 'enable', 'undo disable', { disabled: false })
}
