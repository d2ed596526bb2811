import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Knex } from 'knex'
import { EventFeed } from '../../audit/live/event-feed.ts'
import { followFromNow } from '../../audit/live/follow-store.ts'
import type { AuditFilter } from '../../audit/query/audit-filter.ts'
import { pageEvents } from '../../audit/query/audit-store.ts'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { type OpenReading, withContext } from '../context.ts'
import { type FilterOptions, filterOf, withFilter } from './audit-filter.ts'
import { auditJson, auditLine } from './audit-line.ts'

type TailOptions = FilterOptions & { lines: number; follow?: true; json?: true }

/** Adds `audit tail` to `audit`. */
export function registerTailCommand(audit: Command, open: OpenReading): void {
  withFilter(audit.command('tail'))
    .description('print the newest events, oldest first')
    .addOption(new Option('-n, --lines <count>', 'how many').default(50).argParser(readCount))
    .option('-f, --follow', 'go on with new events until interrupted')
    .option('--json', 'one JSON object a line')
    .action((options: TailOptions) => withContext(open, (context) => tail(context.knex, options)))
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
