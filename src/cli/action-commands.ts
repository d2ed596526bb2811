import { type Command, Option } from 'commander'
import { OPERATOR_SCOPES } from '../accounts/operator-scopes.ts'
import { type Action, type Caller, perform } from '../actions/action.ts'
import { ACTIONS } from '../actions/index.ts'
import { builtIn } from '../api/operator-api/operator-resource.ts'
import {
  fromText,
  inputDocument,
  type JsonSchema,
  pathMembers,
} from '../api/operator-api/schema-documents.ts'
import { CatalogueCache } from '../catalogue/catalogue-store.ts'
import { printAnswer } from './answer.ts'
import { ACTOR, type ActionCliContext, withContext } from './context.ts'
import type { OutputOptions } from './output.ts'

/** Commands made from the actions of operators, so that whatever the pages and the API can do, the command line can. */
const CALLER: Caller = { actor: ACTOR, scopes: new Set(OPERATOR_SCOPES) }

type Open = () => Promise<ActionCliContext>

type Given = Record<string, string | string[] | true | undefined>

/** `client_id` is `--client-id`. */
function flagOf(member: string): string {
  return `--${member.replaceAll('_', '-')}`
}

function optionOf(member: string, schema: JsonSchema, is_required: boolean): Option {
  const { type, description, items } = schema
  const value = type === 'boolean' ? '' : type === 'array' ? ' <value...>' : ' <value>'
  const option = new Option(flagOf(member) + value, typeof description === 'string' ? description : '')
  // Commander would name it in camel case.
  option.attributeName = () => member
  const { enum: choices } = type === 'array' ? ((items ?? {}) as JsonSchema) : schema
  if (Array.isArray(choices)) option.choices(choices.map(String))
  return option.makeOptionMandatory(is_required && !('default' in schema))
}

/** An example that runs once the words in capitals are replaced. */
function exampleOf(action: Action): string {
  const { properties, required } = inputDocument(action)
  const in_path = pathMembers(action)
  const words = in_path.map((member) => member.toUpperCase())
  const needed = required.filter((member) => !in_path.includes(member))
  const options = needed.map((member) =>
    properties[member]?.type === 'boolean' ? flagOf(member) : `${flagOf(member)} ${member.toUpperCase()}`,
  )
  return ['toolgate', action.command, ...words, ...options, '--json'].join(' ')
}

/** Options are text; a flag is said or not. */
function inputOf(action: Action, given: Given): Record<string, unknown> {
  const texts = Object.entries(given).map(([member, value]) => [member, value === true ? 'true' : value])
  return fromText(inputDocument(action), Object.fromEntries(texts))
}

async function run(
  context: ActionCliContext,
  action: Action,
  given: Given,
  options: OutputOptions,
): Promise<void> {
  const catalogues = new CatalogueCache(builtIn(context.issuer))
  const answer = await perform(action, { ...context, catalogues }, CALLER, inputOf(action, given))
  printAnswer(answer, options)
}

/** What groups are for that no command is worded in by hand. */
const GROUPS: Record<string, string> = {
  tokens: 'personal access tokens: each for one person, one MCP server and one role',
  resources: 'MCP servers of the catalogue, with who holds which scope',
}

/** The command of these words, made where it is not there. */
function groupOf(program: Command, words: readonly string[]): Command {
  return words.reduce(
    (group, word) =>
      group.commands.find((each) => each.name() === word) ??
      group.command(word).description(GROUPS[word] ?? ''),
    program,
  )
}

function register(program: Command, open: Open, action: Action): void {
  const words = action.command.split(' ')
  const group = groupOf(program, words.slice(0, -1))
  const name = words.at(-1) ?? ''
  // Commands that are worded by hand stay as they are.
  if (group.commands.some((each) => each.name() === name)) return
  const { properties, required } = inputDocument(action)
  const in_path = pathMembers(action)
  const command = group.command(name).description(action.summary)
  for (const member of in_path) command.argument(`<${member}>`, describe(properties[member]))
  for (const [member, schema] of Object.entries(properties))
    if (!in_path.includes(member)) command.addOption(optionOf(member, schema, required.includes(member)))
  command
    .option('--json', 'print JSON')
    .addHelpText('after', `\nExample:\n  ${exampleOf(action)}`)
    .action((...given: unknown[]) => {
      const { json, ...options } = given[in_path.length] as Given
      const named = Object.fromEntries(in_path.map((member, index) => [member, given[index] as string]))
      const output: OutputOptions = json === true ? { json } : {}
      return withContext(open, (context) => run(context, action, { ...options, ...named }, output))
    })
}

function describe(schema: JsonSchema | undefined): string {
  return typeof schema?.description === 'string' ? schema.description : ''
}

/** Adds a command for each action whose words no command has yet; to be called after all others. */
export function registerActionCommands(program: Command, open: Open): void {
  for (const action of ACTIONS) register(program, open, action)
}
