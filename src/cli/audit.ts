import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Knex } from 'knex'
import { auditText } from '../audit/audit-event.ts'
import { type AuditFilter, pageEvents } from '../audit/audit-store.ts'
import { EventFeed } from '../audit/event-feed.ts'
import { followFromNow } from '../audit/follow-store.ts'
import type { AuditRow } from '../audit/hash-chain.ts'
import { type Verification, verifyChains } from '../audit/verify.ts'
import { registerExportCommand } from './audit-export.ts'
import { type FilterOptions, filterOf, withFilter } from './audit-filter.ts'
import { registerStoryCommands } from './audit-story.ts'
import { type OpenReading, withContext } from './context.ts'

type TailOptions = FilterOptions & { lines: number; follow?: true; json?: true }

/** Adds the `audit` commands. `open` connects to the database; each command closes what it opened. */
export function registerAuditCommands(program: Command, open: OpenReading): void {
  const audit = program.command('audit').description('read and verify the audit log')
  withFilter(audit.command('tail'))
    .description('print the newest events, oldest first')
    .addOption(new Option('-n, --lines <count>', 'how many').default(50).argParser(readCount))
    .option('-f, --follow', 'go on with new events until interrupted')
    .option('--json', 'one JSON object a line')
    .action((options: TailOptions) => withContext(open, (context) => tail(context.knex, options)))
  audit
    .command('verify')
    .description('recompute every hash; ends with 1 when a row was changed, moved or removed')
    .option('--json', 'the result as JSON')
    .action((options: { json?: true }) => withContext(open, (context) => verify(context.knex, options)))
  registerStoryCommands(audit, open)
  registerExportCommand(audit, open)
}

function readCount(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 0) throw new InvalidArgumentError('Not a whole number.')
  return count
}

async function tail(db: Knex, options: TailOptions): Promise<void> {
  const filter = filterOf(options)
  const print = (event: AuditRow) => console.log(options.json ? auditJson(event) : auditLine(event))
  // Before the events are read, so that none falls between the two; what is in both is printed once.
  const position = options.follow && (await followFromNow(db))
  const newest = await newestEvents(db, filter, options.lines)
  newest.forEach(print)
  if (!position) return
  const printed = new Set(newest.map(({ id }) => id))
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  const feed = new EventFeed(db)
  for await (const { events } of feed.follow(filter, position, interrupted.signal))
    events.filter(({ id }) => !printed.has(id)).forEach(print)
  await feed.close()
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

async function verify(db: Knex, options: { json?: true }): Promise<void> {
  const result = await verifyChains(db, {
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
