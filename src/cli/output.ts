import type { Command } from 'commander'
import { terminalText } from '../doctor/crawl/display-text.ts'

/** How commands speak: one JSON document with --json, else words and tables for people. */
export type OutputOptions = { json?: true }

export type Row = Record<string, unknown>

/** One value in a table. */
export function cell(value: unknown): string {
  if (value instanceof Date) return value.toISOString().replace('T', ' ').slice(0, 19)
  if (Array.isArray(value)) return value.map(cell).join(' ') || '-'
  return value === null || value === undefined ? '-' : terminalText(String(value))
}

export function printTable(rows: readonly Row[], columns: readonly string[]): void {
  const table = [
    columns.map((name) => name.toUpperCase()),
    ...rows.map((row) => columns.map((name) => cell(row[name]))),
  ]
  const widths = columns.map((_, index) => Math.max(...table.map((line) => line[index]?.length ?? 0)))
  for (const line of table)
    console.log(
      line
        .map((text, index) => text.padEnd(widths[index] ?? 0))
        .join('  ')
        .trimEnd(),
    )
}

/** Prints a list as a table of these columns, or as JSON under its name, as the API names its lists. */
export function printList(
  list: Readonly<Record<string, readonly Row[]>>,
  columns: readonly string[],
  { json }: OutputOptions,
): void {
  const rows = Object.values(list).flat()
  if (json) console.log(JSON.stringify(list, null, 2))
  else if (rows.length === 0) console.log('None.')
  else printTable(rows, columns)
}

/** Prints one result: as JSON, or as the lines given for people. */
export function printResult(value: object, lines: readonly string[], options: OutputOptions): void {
  if (options.json) console.log(JSON.stringify(value, null, 2))
  else for (const line of lines) console.log(line)
}

/** For commands whose 1 is a result: a misspelt option must not look like it. Returns the command. */
export function wrongUsageEndsWith(code: number, command: Command): Command {
  return command.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : code))
}
