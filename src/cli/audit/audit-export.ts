import { createWriteStream } from 'node:fs'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import type { z } from 'zod'
import { readInput } from '../../actions/action.ts'
import { withAccountId } from '../../actions/audit.ts'
import { ExportQuery } from '../../api/operator-api/audit-routes.ts'
import { exportEvents } from '../../audit/export/export.ts'
import { type CliContext, type Open, withContext } from '../context.ts'
import { addMembers, typedInput } from '../members.ts'

/** The log as a file, which is no action: it takes what the API takes for one, and where to write it. */
const EXPORT = { input: ExportQuery, path: '', cli: {} }

type ExportOptions = z.output<typeof ExportQuery> & { output?: string; json?: true }

/** Standard output stays open: more than the export may be written to it. */
function target(output: string | undefined): { stream: Writable; end: boolean } {
  return output === undefined
    ? { stream: process.stdout, end: false }
    : { stream: createWriteStream(output, { flags: 'wx', mode: 0o600 }), end: true }
}

async function exportLog({ db }: CliContext, { output, json, ...query }: ExportOptions): Promise<void> {
  const { format, ...filter } = await withAccountId(db, query)
  let rows = 0
  async function* texts(): AsyncGenerator<string> {
    for await (const piece of exportEvents(db, format, filter)) {
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
  process.stderr.write(json ? `${JSON.stringify(summary)}\n` : `\r${rows} events exported.\n`)
}

/** Adds `audit export` to `audit`. */
export function registerExportCommand(audit: Command, open: Open<CliContext>): void {
  const command = audit
    .command('export')
    .description('Writes the log for other systems, oldest first, one event a line.')
  addMembers(command, EXPORT)
  command
    .option('-o, --output <file>', 'a new file, readable by you only; standard output without')
    .option('--json', 'the summary on standard error as JSON')
    .action(() => {
      const { output, json } = command.opts()
      const query = readInput(EXPORT, typedInput(EXPORT, command))
      return withContext(open, (context) => exportLog(context, { ...query, output, json }))
    })
}
