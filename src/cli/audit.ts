import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Knex } from 'knex'
import { AUDIT_TYPES, type AuditType, auditText } from '../audit/audit-event.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { type AuditFilter, followEvents, followFromNow, pageEvents } from '../audit/audit-store.ts'
import type { Evidence } from '../audit/evidence.ts'
import type { AuditRow } from '../audit/hash-chain.ts'
import type { Verification } from '../audit/verify.ts'
import { verifyLog } from '../audit/verify-log.ts'
import { registerAuditArchive, verifyArchive } from './audit-archive.ts'
import { registerAuditCheckpointCommand, registerAuditKeyCommands } from './audit-checkpoint.ts'
import { registerAuditProveCommand, verifyProofFile } from './audit-proof.ts'
import { registerAuditRetain } from './audit-retain.ts'
import { isDatabaseConfigured } from './context.ts'

/** What the audit commands need of an open installation. */
export type AuditCliContext = {
  knex: Knex
  audit: Pick<AuditLog, 'appendIn'>
  evidence?: Evidence | undefined
  close(): Promise<void>
}

type TailOptions = {
  lines: number
  follow?: true
  type?: AuditType
  account?: string
  client?: string
  grant?: string
  json?: true
}

const POLL_MS = 1_000

/** Adds `audit tail` and `audit verify`. `open` connects to the database; each command closes what it opened. */
export function registerAuditCommands(program: Command, open: () => Promise<AuditCliContext>): void {
  const audit = program.command('audit').description('read, sign, prove and verify the audit log')
  audit
    .command('tail')
    .description('print the newest events, oldest first')
    .addOption(new Option('-n, --lines <count>', 'how many').default(50).argParser(readCount))
    .option('-f, --follow', 'go on with new events until interrupted')
    .addOption(new Option('--type <type>', 'only events of this type').choices(AUDIT_TYPES))
    .option('--account <id>', 'only events of this account')
    .option('--client <id>', 'only events of this client')
    .option('--grant <id>', 'only events of this grant')
    .option('--json', 'one JSON object a line')
    .action((options: TailOptions) => within(open, (context) => tail(context.knex, options)))
  audit
    .command('verify')
    .description('recompute every hash; ends with 1 when a row was changed, moved or removed')
    .option(
      '--archive <path>',
      'check a directory of archives, or one of them, and the log when a database is configured',
    )
    .option('--offline', 'check only the archives')
    .option('--proof <file>', 'check this proof of one event instead; needs no database')
    .option(
      '--key <key>',
      'the thumbprint, or a file with the JWK, that --proof or --archive must be signed with',
    )
    .option('--json', 'the result as JSON')
    .action((options: VerifyOptions) => {
      const { archive, offline, proof } = options
      if (proof !== undefined) return verifyProofFile(proof, options)
      if (archive === undefined) return within(open, (context) => verify(context, options))
      return verifyArchive(offline || !isDatabaseConfigured() ? undefined : open, { ...options, archive })
    })
  registerAuditArchive(audit, open)
  registerAuditRetain(audit, open)
  registerAuditProveCommand(audit, open)
  registerAuditCheckpointCommand(audit, open)
  registerAuditKeyCommands(audit)
}

type VerifyOptions = { json?: true; archive?: string; offline?: true; proof?: string; key?: string }

async function within(
  open: () => Promise<AuditCliContext>,
  work: (context: AuditCliContext) => Promise<void>,
): Promise<void> {
  const context = await open()
  try {
    await work(context)
  } finally {
    await context.close()
  }
}

function readCount(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 0) throw new InvalidArgumentError('Not a whole number.')
  return count
}

async function tail(db: Knex, options: TailOptions): Promise<void> {
  const filter = {
    type: options.type,
    account_id: options.account,
    client_id: options.client,
    grant_id: options.grant,
  }
  const print = (event: AuditRow) => console.log(options.json ? auditJson(event) : auditLine(event))
  // Before the events are read, so that none falls between the two; what is in both is printed once.
  let position = options.follow && (await followFromNow(db))
  const newest = await newestEvents(db, filter, options.lines)
  newest.forEach(print)
  if (!position) return
  const printed = new Set(newest.map(({ id }) => id))
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  while (!interrupted.signal.aborted) {
    const page = await followEvents(db, filter, position)
    page.events.filter(({ id }) => !printed.has(id)).forEach(print)
    position = page.position
    await sleep(POLL_MS, undefined, { signal: interrupted.signal }).catch(() => undefined)
  }
}

async function newestEvents(db: Knex, filter: AuditFilter, count: number): Promise<AuditRow[]> {
  const events: AuditRow[] = []
  let after: string | undefined
  while (events.length < count) {
    const page = await pageEvents(db, { ...filter, after }, count - events.length)
    events.push(...page.events)
    if (page.next === undefined) break
    after = page.next
  }
  return events.reverse()
}

const SHOWN = [
  'actor',
  'account_id',
  'client_id',
  'resource',
  'tool',
  'scope',
  'grant_id',
  'token_id',
  'request_id',
  'ip',
] as const

/** One event on one line: time, type, decision, then what is present as name=value. */
export function auditLine(event: AuditRow): string {
  const fields = SHOWN.flatMap((name) => (event[name] === null ? [] : [`${name}=${quoted(event[name])}`]))
  const detail = event.detail === null ? [] : [`detail=${auditText(JSON.stringify(event.detail), 8_192)}`]
  return [event.occurred_at.toISOString(), event.type, event.decision, ...fields, ...detail]
    .filter((word) => word !== null)
    .join(' ')
}

// Cleaned once more: whoever could write to the table past the log must not steer the reader's terminal.
function quoted(value: string): string {
  const clean = auditText(value, 2_048) ?? ''
  return /^[^\s"=]+$/.test(clean) ? clean : JSON.stringify(clean)
}

/** One event as one line of JSON; hashes as hex, what is absent left out. */
export function auditJson({ prev_hash, hash, ...event }: AuditRow): string {
  const present = Object.entries(event).filter(([, value]) => value !== null)
  return JSON.stringify({
    ...Object.fromEntries(present),
    prev_hash: prev_hash.toString('hex'),
    hash: hash.toString('hex'),
  })
}

async function verify({ knex, evidence }: AuditCliContext, options: { json?: true }): Promise<void> {
  const result = await verifyLog(knex, {
    check_signature: evidence?.check_signature,
    on_progress: ({ rows }) => process.stderr.write(`\r${rows} rows checked`),
  })
  if (result.rows > 0) process.stderr.write('\n')
  console.log(options.json ? JSON.stringify(result) : verdict(result))
  if (result.fault_count > 0) process.exitCode = 1
}

function verdict({ rows, writers, faults, fault_count }: Verification): string {
  const checked = `${rows} rows of ${writers} writers`
  const [first] = faults
  if (!first) return `The audit log is whole: ${checked}.`
  const lines = faults.map(
    (fault) => `  writer ${fault.writer_id} seq ${fault.seq} ${fault.kind}: ${fault.message}`,
  )
  const head = `The audit log is NOT whole: ${fault_count} faults in ${checked}.`
  return [head, `First bad row: writer ${first.writer_id} seq ${first.seq}.`, ...lines].join('\n')
}
