import { createWriteStream } from 'node:fs'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Command, Option } from 'commander'
import type { Knex } from 'knex'
import { EXPORT_FORMATS, type ExportFormat, exportEvents } from '../../audit/export/export.ts'
import { type OpenReading, withContext } from '../context.ts'
import { type FilterOptions, filterOf, withFilter } from './audit-filter.ts'
import { withPeriod } from './period.ts'

type ExportOptions = FilterOptions & {
  format: ExportFormat
  from?: Date
  to?: Date
  output?: string
  json?: true
}

/** Standard output stays open: more than the export may be written to it. */
function target(output: string | undefined): { stream: Writable; end: boolean } {
  return output === undefined
    ? { stream: process.stdout, end: false }
    : { stream: createWriteStream(output, { flags: 'wx', mode: 0o600 }), end: true }
}

async function exportLog(db: Knex, options: ExportOptions): Promise<void> {
  const { format, from, to, output } = options
  let rows = 0
  async function* texts(): AsyncGenerator<string> {
    for await (const piece of exportEvents(db, format, { ...filterOf(options), from, to })) {
      rows = piece.rows
      if (process.stderr.isTTY) process.stderr.write(`\r${rows} events`)
      yield piece.text
    }
  }
  const { stream, end } = target(output)
  try {
    await pipeline(Readable.from(texts(), { highWaterMark: 1 }), stream, { end })
  } catch (error) {
    // Whoever read it has read enough, as `head` does.
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
  }
  const summary = output === undefined ? { format, rows } : { format, rows, output }
  process.stderr.write(options.json ? `${JSON.stringify(summary)}\n` : `\r${rows} events exported.\n`)
}

/** Adds `audit export` to `audit`. */
export function registerExportCommand(audit: Command, open: OpenReading): void {
  const command = audit
    .command('export')
    .description('the log for other systems, oldest first, one event a line')
    .addOption(new Option('--format <format>', 'of the lines').choices(EXPORT_FORMATS).default('jsonl'))
    .option('-o, --output <file>', 'a new file, readable by you only; standard output without')
    .option('--json', 'the summary on standard error as JSON')
  withFilter(withPeriod(command)).action((options: ExportOptions) =>
    withContext(open, ({ knex }) => exportLog(knex, options)),
  )
}
