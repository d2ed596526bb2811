import { once } from 'node:events'
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import { type Action, perform, readInput } from '../actions/action.ts'
import { ACTIONS } from '../actions/index.ts'
import { inputDocument } from '../api/operator-api/schema-documents.ts'
import { printAnswer } from './answer.ts'
import { FOLLOWING } from './audit/audit-follow.ts'
import { CALLER, type CliContext, type Open, withContext } from './context.ts'
import { addMembers, argumentsOf, descriptionOf, flagOf, typedInput } from './members.ts'
import type { OutputOptions, Row } from './output.ts'

/** Commands made from the actions of operators, so that whatever the pages and the API can do, the command line can. */
const GROUPS: Record<string, string> = {
  accounts: 'manage user accounts',
  audit: 'read, sign, prove and verify the audit log',
  catalogue: 'the scopes, the tools that each allows, and the roles',
  clients: 'manage clients: programs that ask people for access',
  grants: 'list, narrow and revoke grants: what people allowed which client',
  'operator-tokens': 'manage tokens for the operator API',
  'refresh-tokens': 'list and revoke refresh tokens',
  resources: 'MCP servers of the catalogue, with who holds which scope',
  'resource-servers': 'manage the credentials of MCP servers that introspect tokens',
  restore: 'take over a restored backup',
  tokens: 'manage personal access tokens: each for one person, one MCP server and one role',
}

/** What a command can do besides its action, when this option is given. */
const BESIDES: Readonly<Record<string, typeof FOLLOWING>> = { search_audit: FOLLOWING }

/** The command of these words, made where it is not there. */
export function groupOf(program: Command, words: readonly string[]): Command {
  return words.reduce(
    (group, word) =>
      group.commands.find((each) => each.name() === word) ??
      group.command(word).description(GROUPS[word] ?? ''),
    program,
  )
}

/** An example that runs once the words in capitals are replaced. */
function exampleOf(action: Action): string {
  const { properties, required } = inputDocument(action)
  const named = argumentsOf(action)
  const { defaults = {} } = descriptionOf(action)
  const words = named
    .filter((member) => required.includes(member))
    .map((member) => defaults[member] ?? member.toUpperCase())
  const options = required
    .filter((member) => !named.includes(member))
    .map((member) =>
      properties[member]?.type === 'boolean'
        ? flagOf(action, member)
        : `${flagOf(action, member)} ${member.toUpperCase()}`,
    )
  return ['toolgate', action.command, ...words, ...options, '--json'].join(' ')
}

async function agrees(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  // The end of the input is no yes.
  const ended = once(terminal, 'close').then(() => '')
  const typed = await Promise.race([terminal.question(`${question} [y/N] `).catch(() => ''), ended])
  terminal.close()
  return /^y(es)?$/i.test(typed.trim())
}

/** A script has thought about it before. */
async function isConfirmed(action: Action, context: CliContext, input: Row, yes?: true): Promise<boolean> {
  if (yes || !process.stdin.isTTY) return true
  const question = await descriptionOf(action).confirm?.(context, input)
  return question === undefined || agrees(question)
}

/** The answer, gone on with while it is only a part of what was asked for. */
async function wholeAnswer(action: Action, context: CliContext, given: Row): Promise<Row> {
  const { rest, join } = descriptionOf(action)
  let answer = await perform(action, context, CALLER, given)
  for (;;) {
    const more = rest?.(answer, readInput(action, given))
    if (!more || !join) return answer as Row
    answer = join(answer, await perform(action, context, CALLER, { ...given, ...more }))
  }
}

type Options = OutputOptions & { yes?: true; follow?: true }

async function run(action: Action, command: Command, open: Open): Promise<void> {
  const options: Options = command.opts()
  const given = typedInput(action, command)
  // Before anything is opened.
  const input = readInput(action, given)
  const beside = options.follow && BESIDES[action.name]
  await withContext(open, async (context) => {
    const answer = () => wholeAnswer(action, context, given)
    if (beside) return beside.run(context, given, options, answer)
    if (await isConfirmed(action, context, input, options.yes)) {
      printAnswer(action, await answer(), { given, input }, options)
      return
    }
    console.error('toolgate: Nothing was done')
    process.exitCode = 1
  })
}

function register(program: Command, open: Open, action: Action): void {
  const words = action.command.split(' ')
  const group = groupOf(program, words.slice(0, -1))
  const name = words.at(-1) ?? ''
  if (group.commands.some((each) => each.name() === name))
    throw new Error(`there are two commands called ${action.command}`)
  const command = group.command(name).description(action.summary)
  addMembers(command, action)
  const beside = BESIDES[action.name]
  if (beside) command.addOption(beside.option)
  if (descriptionOf(action).confirm) command.option('--yes', 'do not ask, also at a terminal')
  command
    .option('--json', 'print JSON, as the API answers')
    .addHelpText('after', `\nExample:\n  ${exampleOf(action)}`)
    .action(() => run(action, command, open))
}

/** Adds a command for each action that has one of its own. */
export function registerActionCommands(program: Command, open: Open): void {
  for (const action of ACTIONS) if (action.cli !== false) register(program, open, action)
}
