import type { Command } from 'commander'
import { loadCheckpointKey } from '../audit/integrity/checkpoints/checkpoint-key.ts'
import { type TableAge, tableAge } from '../audit/integrity/restore/table-age.ts'
import { AppError } from '../base/errors.ts'
import { loadConfig } from '../config/config.ts'
import { readLostRows } from '../restore/lost-rows.ts'
import { type Accepted, acceptRestore } from '../restore/restore.ts'
import { type AuditCliContext, CALLER, type Open, withContext } from './context.ts'
import { type OutputOptions, printResult } from './output.ts'

/** `restore check` and `restore accept`: what a server refuses to start from, looked at and taken over. */
const EXIT = { older: 1, untold: 2 } as const

type AcceptOptions = OutputOptions & { replay?: string; reason?: string }

export function registerRestoreCommands(restore: Command, open: Open<AuditCliContext>): void {
  restore
    .command('check')
    .description(
      'compare the audit log with the newest checkpoint that is kept outside; ends with 1 when the log is older, 2 when it cannot tell',
    )
    .option('--json', 'print JSON')
    .action((options: OutputOptions) => withContext(open, (context) => check(context, options)))
  restore
    .command('accept')
    .description(
      'take over a restored backup: ends every credential that was issued before, records the gap, and lets the server start',
    )
    .option(
      '--replay <file>',
      'end only what the lost rows took away; an export (audit export --format jsonl) that has all of them',
    )
    .option('--reason <text>', 'why, for the audit log')
    .option('--json', 'print JSON')
    .action((options: AcceptOptions) => withContext(open, (context) => accept(context, options)))
}

async function ageOf({ db }: AuditCliContext): Promise<TableAge> {
  const { audit, database } = loadConfig()
  const { thumbprint } = await loadCheckpointKey({ audit_key: audit.key, data_dir: database.data_dir })
  return tableAge({ db, sinks: audit.checkpoint_sinks, thumbprint })
}

const NOTHING_OUTSIDE =
  'Nothing is kept outside where it can be read, so nobody can tell: set TOOLGATE_AUDIT_CHECKPOINT_SINKS=file:<path>, on another disk.'

async function check(context: AuditCliContext, options: OutputOptions): Promise<void> {
  const age = await ageOf(context)
  if (age.state === 'untold') {
    printResult({ state: age.state }, [NOTHING_OUTSIDE], options)
    process.exitCode = EXIT.untold
    return
  }
  const checkpoint_at = age.kept.created_at.toISOString()
  if (age.state === 'current') {
    const lines = [`The log has every row that the checkpoint of ${checkpoint_at} names.`]
    return printResult({ state: age.state, checkpoint_at }, lines, options)
  }
  const lines = [
    `The log is older than the checkpoint of ${checkpoint_at}:`,
    ...age.gaps.map(
      ({ writer_id, first_seq, last_seq }) =>
        `  rows ${first_seq} to ${last_seq} of writer ${writer_id} are missing`,
    ),
    'A backup was restored, or rows were cut off. If it was you: toolgate restore accept. See docs/restore.md.',
  ]
  printResult({ state: age.state, checkpoint_at, gaps: age.gaps }, lines, options)
  process.exitCode = EXIT.older
}

async function accept(
  context: AuditCliContext,
  { replay, reason, ...options }: AcceptOptions,
): Promise<void> {
  const age = await ageOf(context)
  if (age.state === 'untold') throw new AppError('invalid_input', NOTHING_OUTSIDE)
  if (age.state === 'current')
    throw new AppError(
      'invalid_input',
      'The log lacks nothing that is kept outside: there is nothing to accept',
    )
  const { db } = context
  const lost = replay === undefined ? undefined : await readLostRows(db, replay, age.gaps)
  const accepted = await acceptRestore(context, age, { ...CALLER, reason }, lost)
  printResult(accepted, linesOf(accepted, replay), options)
}

function linesOf(accepted: Accepted, replayed_from: string | undefined): string[] {
  const { ended_grants, ended_operator_tokens, ended_sessions, replayed, by_hand } = accepted
  const how =
    replayed_from === undefined ? 'Everything issued before is ended' : `${replayed} lost rows were replayed`
  return [
    `${how}: ${ended_grants} grants with their tokens, ${ended_operator_tokens} operator tokens, ${ended_sessions} sessions.`,
    'The gap is recorded as audit.restored; the server starts now.',
    ...(by_hand.length > 0 ? ['To be done by hand:'] : []),
    ...by_hand.map(({ what, why }) => `  ${what}: ${why}`),
  ]
}
