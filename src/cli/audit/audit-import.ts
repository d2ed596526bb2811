import type { Command } from 'commander'
import { importLocalLog } from '../../audit/integrity/import/import.ts'
import {
  checkLocalLog,
  type LocalFault,
  type LocalVerification,
} from '../../audit/integrity/import/local-log.ts'
import { CALLER, type CliContext, type Open, withContext } from '../context.ts'
import { type OutputOptions, printResult } from '../output.ts'

type FileOptions = OutputOptions & { progress?: true }

/** Adds `audit import`: the local log of an MCP server in mode `none` becomes part of the audit log. */
export function registerAuditImport(audit: Command, open: Open<CliContext>): void {
  audit
    .command('import')
    .description('verify the call log of an MCP server in mode none, and add its rows as they are')
    .argument('<file>', 'what fileLog(…) wrote')
    .option('--progress', 'show progress on stderr also where that is no terminal')
    .option('--json', 'the result as JSON')
    .action((file: string, options: FileOptions) =>
      withContext(open, (context) => runImport(context, file, options)),
    )
}

async function runImport({ db, audit }: CliContext, file: string, options: FileOptions) {
  const progress = progressOf(options)
  const result = await importLocalLog(db, audit, file, {
    actor: CALLER.actor,
    on_progress: progress.show,
  }).finally(progress.end)
  const { rows, known_rows, chains } = result
  const known = known_rows > 0 ? `; ${known_rows} were there already` : ''
  const lines = [
    rows === 0 ? `Nothing is new${known}.` : `Imported ${rows} rows of ${chains.length} writers${known}.`,
    ...chains.map(
      ({ writer_id, first_seq, last_seq }) => `  writer ${writer_id} rows ${first_seq} to ${last_seq}`,
    ),
  ]
  printResult(result, lines, options)
}

/** Of a local log: `audit verify <file>`. Ends with 1 when it is not whole, 2 when it could not be read. */
export async function verifyLocalLog(file: string, options: FileOptions): Promise<void> {
  const progress = progressOf(options)
  try {
    const { verification } = await checkLocalLog(file, { on_progress: progress.show }).finally(progress.end)
    printResult({ file, ...verification }, verdict(file, verification), options)
    if (verification.fault_count > 0) process.exitCode = 1
  } catch (error) {
    console.error(
      `toolgate: ${file} was not checked: ${error instanceof Error ? error.message : String(error)}`,
    )
    process.exitCode = 2
  }
}

function verdict(file: string, found: LocalVerification): string[] {
  const { rows, writers, head, faults, fault_count } = found
  const checked = `${rows} rows of ${writers} writers`
  const [first] = faults
  if (first) {
    const more = fault_count > faults.length ? [`  and ${fault_count - faults.length} more`] : []
    return [
      `${file} is NOT whole: ${fault_count} faults in ${checked}.`,
      `First bad line: ${first.line}.`,
      ...faults.map((fault) => `  ${placeOf(fault)} ${fault.kind}: ${fault.message}`),
      ...more,
    ]
  }
  const last = head ? ` It ends with row ${head.seq} of writer ${head.writer_id}, hash ${head.hash}.` : ''
  return [
    `${file} is whole: ${checked}.${last}`,
    'Whether rows were cut off at its end, or the whole file was written anew, the file alone cannot show: keep that hash elsewhere, or import the file.',
  ]
}

function placeOf({ line, writer_id, seq }: LocalFault): string {
  return `line ${line}${writer_id === undefined ? '' : ` (writer ${writer_id} seq ${seq})`}`
}

const PROGRESS_MS = 200

/** One line on the terminal, written over and over. */
function progressOf({ progress }: FileOptions) {
  const is_shown = progress || process.stderr.isTTY
  let shown_ms = 0
  let is_begun = false
  return {
    show({ rows, share }: { rows: number; share: number }): void {
      const now_ms = performance.now()
      if (!is_shown || (now_ms - shown_ms < PROGRESS_MS && share < 1)) return
      shown_ms = now_ms
      is_begun = true
      process.stderr.write(`\r${rows} rows, ${Math.floor(share * 100)} % `)
    },
    end(): void {
      if (is_begun) process.stderr.write('\n')
    },
  }
}
