import type { Action } from '../actions/action.ts'
import { outputDocument } from '../api/operator-api/schema-documents.ts'
import { descriptionOf, flagOf } from './members.ts'
import { cell, type OutputOptions, printTable, type Row } from './output.ts'

/** Answers of actions: with --json just as the API gives them, for people in sentences, tables and facts. */
function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

function isTable(value: unknown): value is Row[] {
  return Array.isArray(value) && value.length > 0 && value.every(isRow)
}

/** Of one level: what is within is shown as JSON. */
function flat(value: unknown): unknown {
  const is_plain = !Array.isArray(value) || value.every((item) => !isRow(item))
  return isRow(value) || !is_plain ? JSON.stringify(value) : value
}

function printRows(rows: readonly Row[], columns?: string): void {
  const names = columns?.split(' ') ?? [...new Set(rows.flatMap((row) => Object.keys(row)))]
  printTable(
    rows.map((row) => Object.fromEntries(names.map((name) => [name, flat(row[name])]))),
    names,
  )
}

function printFacts(answer: Row): void {
  const entries = Object.entries(answer).filter(([, value]) => value !== undefined)
  const facts = entries.filter(([, value]) => !isTable(value))
  const width = Math.max(0, ...facts.map(([name]) => name.length))
  for (const [name, value] of facts) console.log(`${name.padEnd(width)}  ${cell(flat(value))}`)
  for (const [name, value] of entries) {
    if (!isTable(value)) continue
    console.log(`\n${name.replaceAll('_', ' ')}:`)
    printRows(value)
  }
}

/** What an action lists, when that is all it answers besides how to go on. */
function listOf(action: Action, answer: Row): Row[] | undefined {
  const [member = '', ...others] = outputDocument(action).required
  const list = answer[member]
  return action.method === 'get' && others.length === 0 && Array.isArray(list) ? list : undefined
}

/** How to get what a list has besides. */
function cursorOf(action: Action, answer: Row): string | undefined {
  const [from, to] = descriptionOf(action).cursor ?? ['next', 'after']
  const value = answer[from]
  if (value === undefined) return undefined
  return `${flagOf(action, to)} ${value instanceof Date ? value.toISOString() : value}`
}

const PAGING = new Set(['limit', 'after', 'before'])

/** A filter that nothing passes may be misspelt, so that finding nothing is no success. */
function nothingIn(action: Action, answer: Row, given: Row): string | undefined {
  const nothing = descriptionOf(action).nothing?.(answer, given)
  if (nothing !== undefined) return nothing
  const is_filtered = Object.keys(given).some((member) => !PAGING.has(member))
  const is_empty = listOf(action, answer)?.length === 0 && cursorOf(action, answer) === undefined
  return is_filtered && is_empty ? 'Nothing matches' : undefined
}

function printForPeople(action: Action, answer: Row, input: Row): void {
  const { lines, columns } = descriptionOf(action)
  const list = listOf(action, answer)
  if (list?.length === 0) console.log('None.')
  else if (lines) for (const line of lines(answer, input)) console.log(line)
  else if (list && isTable(list)) printRows(list, columns)
  else printFacts(answer)
  const cursor = cursorOf(action, answer)
  if (cursor !== undefined) console.error(`There is more: ${cursor}`)
}

/** Prints the answer; ends with 1 where nothing was found or done. `given` is what was typed, `input` what it means. */
export function printAnswer(
  action: Action,
  answer: Row,
  { given, input }: { given: Row; input: Row },
  { json }: OutputOptions,
): void {
  const nothing = nothingIn(action, answer, given)
  if (json) console.log(JSON.stringify(answer, null, 2))
  else if (nothing === undefined) printForPeople(action, answer, input)
  if (nothing === undefined) return
  console.error(`toolgate: ${nothing}`)
  process.exitCode = 1
}
