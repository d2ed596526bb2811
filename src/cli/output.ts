import type { Command } from 'commander'
/** How commands speak: one JSON document with --json, else words and tables for people. */
export type OutputOptions = { json?: true }

/** One value in a table. */
export function cell(value: unknown): string {
  if (value instanceof Date) return value.toISOString().replace('T', ' ').slice(0, 19)
  if (Array.isArray(value)) return value.join(' ')
  return value === null || value === undefined ? '-' : String(value)
}

/** Prints rows as a table of the named columns, or as JSON. */
export function printRows<Row extends object>(
  rows: readonly Row[],
  columns: readonly (keyof Row & string)[],
  options: OutputOptions,
): void {
  if (options.json) {
    console.log(JSON.stringify(rows, null, 2))
    return
  }
  if (rows.length === 0) {
    console.log('None.')
    return
  }
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

/** Prints one result: as JSON, or as the lines given for people. */
export function printResult(value: object, lines: readonly string[], options: OutputOptions): void {
  if (options.json) console.log(JSON.stringify(value, null, 2))
  else for (const line of lines) console.log(line)
}

/** For commands whose 1 is a result: a misspelt option must not look like it. Returns the command. */
export function wrongUsageEndsWith(code: number, command: Command): Command {
  return command.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : code))
}
