import { readFileSync } from 'node:fs'
import { getSystemErrorMessage } from 'node:util'
import { Argument, type Command, Option } from 'commander'
import type { Action, CommandDescription } from '../actions/action.ts'
import {
  fromText,
  inputDocument,
  type JsonSchema,
  pathMembers,
} from '../api/operator-api/schema-documents.ts'
import { AppError } from '../base/errors.ts'
import { parseJson } from '../base/json.ts'
import { withoutSecrets } from '../base/redaction.ts'

/** The members of an input as arguments and options of a command, and what was typed as such an input. */
export type Typed = Pick<Action, 'input' | 'path' | 'cli'>

export function descriptionOf({ cli }: Pick<Action, 'cli'>): CommandDescription {
  return cli || {}
}

/** `client_id` is `--client`, and `unused_since` is `--unused-since`. */
export function flagOf(action: Pick<Action, 'cli'>, member: string): string {
  const { options = {} } = descriptionOf(action)
  return options[member] ?? `--${member.replace(/_id$/, '').replaceAll('_', '-')}`
}

export function argumentsOf(action: Typed): readonly string[] {
  return descriptionOf(action).arguments ?? pathMembers(action)
}

/** Whether it is said or not; only a query has no such type of its own. */
function isYesOrNo({ enum: choices }: JsonSchema): boolean {
  return Array.isArray(choices) && choices.join() === 'true,false'
}

/** What stands behind the flag. */
function placeholderOf(schema: JsonSchema, read: string | undefined): string {
  if (read === 'standard input' || schema.type === 'boolean') return ''
  if (isYesOrNo(schema)) return ' [value]'
  if (read !== undefined) return ' <file>'
  if (schema.type === 'array') return ' <value...>'
  if (schema.format === 'date-time') return ' <time>'
  return schema.type === 'integer' ? ' <count>' : ' <value>'
}

function helpOf({ description = '', default: preset, format }: JsonSchema): string {
  const said =
    format === 'date-time'
      ? `${description} (a date, with or without time, or how long ago: 7d)`
      : description
  const given = Array.isArray(preset) ? preset.join(' ') : preset
  return given === undefined || given === '' ? String(said) : `${said} (default: ${given})`
}

function optionOf(action: Typed, member: string, schema: JsonSchema): Option {
  const read = descriptionOf(action).read?.[member]
  const short = member === 'limit' ? '-n, ' : ''
  const option = new Option(`${short}${flagOf(action, member)}${placeholderOf(schema, read)}`, helpOf(schema))
  // Commander would name it in camel case.
  option.attributeName = () => member
  const { enum: choices } = schema.type === 'array' ? ((schema.items ?? {}) as JsonSchema) : schema
  if (Array.isArray(choices)) option.choices(choices.map(String))
  if (isYesOrNo(schema)) option.preset('true')
  return option
}

function argumentOf(action: Typed, member: string): Argument {
  const { properties, required } = inputDocument(action)
  const schema = properties[member] ?? {}
  const { defaults = {}, read = {} } = descriptionOf(action)
  const name = schema.type === 'array' ? `${member}...` : member
  const is_optional = schema.type === 'array' || defaults[member] !== undefined || !required.includes(member)
  const what = read[member] === 'file' ? `${schema.description}: a file` : schema.description
  return new Argument(is_optional ? `[${name}]` : `<${name}>`, String(what ?? '')).default(defaults[member])
}

/** Gives a command an argument or an option for each member. */
export function addMembers(command: Command, action: Typed): void {
  const { properties, required } = inputDocument(action)
  const named = argumentsOf(action)
  for (const member of named) command.addArgument(argumentOf(action, member))
  for (const [member, schema] of Object.entries(properties))
    if (!named.includes(member))
      command.addOption(optionOf(action, member, schema).makeOptionMandatory(required.includes(member)))
}

/** Without the line ends that files and typing end with. */
export function textOf(file: string | 0): string {
  try {
    return readFileSync(file, 'utf8').replace(/(\r?\n)+$/, '')
  } catch (error) {
    const { errno = 0 } = error as NodeJS.ErrnoException
    throw new AppError(
      'invalid_input',
      `${file || 'standard input'} cannot be read: ${getSystemErrorMessage(errno)}`,
    )
  }
}

function parsed(file: string): unknown {
  const value = parseJson(textOf(file))
  if (value === undefined) throw new AppError('invalid_input', `${file} is not JSON`)
  return value
}

function valueTyped(read: string | undefined, value: unknown): unknown {
  if (read === 'file') return textOf(String(value))
  if (read === 'json file') return parsed(String(value))
  if (read === 'standard input' || (read === 'dash' && value === '-')) return textOf(0)
  if (read === 'dash' && withoutSecrets(String(value)) !== value)
    throw new AppError(
      'invalid_input',
      'A token on a command line is seen by others and kept in the history of the shell: give - and send it on standard input',
    )
  return value === true ? 'true' : value
}

/** The input that was typed. Files are read here. Throws `invalid_input` for one that cannot be. */
export function typedInput(action: Typed, command: Command): Record<string, unknown> {
  const { read = {} } = descriptionOf(action)
  const named = command.registeredArguments.map((argument, at) => [
    argument.name(),
    command.processedArgs[at],
  ])
  const given: Record<string, unknown> = { ...command.opts(), ...Object.fromEntries(named) }
  const document = inputDocument(action)
  const members = Object.keys(document.properties).filter((member) => given[member] !== undefined)
  return fromText(
    document,
    Object.fromEntries(members.map((member) => [member, valueTyped(read[member], given[member])])),
  )
}
