import { cell, type OutputOptions, printRows } from './output.ts'

/** Answers of actions for people: lists as tables, the rest as facts; with --json just as the API gives them. */
type Row = Record<string, unknown>

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

function printTable(rows: Row[]): void {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const shown = rows.map((row) => Object.fromEntries(columns.map((name) => [name, flat(row[name])])))
  printRows(shown, columns, {})
}

export function printAnswer(answer: unknown, options: OutputOptions): void {
  if (options.json || !isRow(answer)) {
    console.log(JSON.stringify(answer, null, 2))
    return
  }
  const { next, ...members } = answer
  const entries = Object.entries(members).filter(([, value]) => value !== undefined)
  const facts = entries.filter(([, value]) => !isTable(value))
  const tables = entries.filter(([, value]) => isTable(value)) as [string, Row[]][]
  const is_list = entries.length === 1 && Array.isArray(entries[0]?.[1])
  if (is_list && tables.length === 0 && isEmpty(entries[0]?.[1])) console.log('None.')
  else printFacts(facts)
  for (const [name, rows] of tables) {
    if (!is_list) console.log(`\n${name.replaceAll('_', ' ')}:`)
    printTable(rows)
  }
  if (typeof next === 'string') console.log(`\nThere is more: --after ${next}`)
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0
}

function printFacts(facts: [string, unknown][]): void {
  const width = Math.max(0, ...facts.map(([name]) => name.length))
  for (const [name, value] of facts) console.log(`${name.padEnd(width)}  ${cell(flat(value))}`)
}
