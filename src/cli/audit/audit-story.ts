import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { Knex } from 'knex'
import { allCallers } from '../../audit/query/callers.ts'
import { tellStory } from '../../audit/story/story.ts'
import { storyDocument } from '../../audit/story/story-document.ts'
import { type StorySubject, subjectOf, subjectOfToken } from '../../audit/story/story-subject.ts'
import { storyLines } from '../../audit/story/story-text.ts'
import { CatalogueCache } from '../../catalogue/catalogue-store.ts'
import { type OpenReading, withContext } from '../context.ts'
import { type OutputOptions, printRows } from '../output.ts'
import { readTime, withPeriod } from './period.ts'

type StoryCliOptions = OutputOptions & { from?: Date; to?: Date; all?: true }

/** How much of an account is told when nobody says. */
const ACCOUNT_DAYS = 7

function subjectLine(subject: StorySubject): string {
  if (subject.kind === 'account')
    return `The story of account ${subject.username ?? subject.account_id} (${subject.account_id})`
  if (subject.kind === 'grant') return `The story of grant ${subject.grant_id}`
  return `The story of token ${subject.token_id}, of grant ${subject.grant_id}`
}

function find(db: Knex, named: string): Promise<StorySubject> {
  return named === '-' ? subjectOfToken(db, readFileSync(0, 'utf8').trim()) : subjectOf(db, named)
}

async function story(db: Knex, named: string, options: StoryCliOptions): Promise<void> {
  const subject = await find(db, named)
  const from = options.from ?? (subject.kind === 'account' ? readTime(`${ACCOUNT_DAYS}d`) : undefined)
  if (!options.json) console.log(subjectLine(subject) + (from ? `, from ${from.toISOString()}` : ''), '\n')
  const told_tools = new Map<string, string>()
  let entries = 0
  const { to, all } = options
  for await (const entry of tellStory({ db, catalogues: new CatalogueCache() }, subject, { from, to, all })) {
    entries += 1
    if (options.json) console.log(JSON.stringify(storyDocument(entry)))
    else for (const line of storyLines(entry, told_tools)) console.log(line)
  }
  if (entries > 0) return
  console.error('Nothing is recorded in this time.')
  process.exitCode = 1
}

const CALLER_COLUMNS = ['username', 'account_id', 'client_id', 'calls', 'denied', 'last_at'] as const

type WhoOptions = OutputOptions & { last: Date; to?: Date; from?: Date; lines: string }

async function who(db: Knex, tool: string, options: WhoOptions): Promise<void> {
  const period = { tool, from: options.from ?? options.last, to: options.to }
  const callers = await allCallers(db, period, ({ calls }) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${calls} calls counted`)
  })
  if (process.stderr.isTTY) process.stderr.write('\n')
  const shown = callers.slice(0, Number(options.lines) || callers.length)
  printRows(shown, CALLER_COLUMNS, options)
  if (shown.length < callers.length && !options.json)
    console.log(`… and ${callers.length - shown.length} more; --lines 0 shows all.`)
}

/** Adds `audit story` and `audit who` to `audit`. */
export function registerStoryCommands(audit: Command, open: OpenReading): void {
  withPeriod(audit.command('story <id>'))
    .description('consent, tokens, tool calls and revocation of a grant, token or account, as one story')
    .option('--all', 'every call on a line of its own')
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `
ID is a grant id, an account id or username (its last ${ACCOUNT_DAYS} days, unless --from), sha256: and a token id, or a
token itself. A token is hashed before anything else and never shown; better than as an argument, which other users of the
machine can see, it comes from standard input: toolgate audit story -`,
    )
    .action((named: string, options: StoryCliOptions) =>
      withContext(open, ({ knex }) => story(knex, named, options)),
    )
  withPeriod(audit.command('who <tool>'))
    .description('who called a tool, through which client, how often and when last; the newest first')
    .option('--last <duration>', 'how far back, such as 24h or 7d', readTime, readTime('7d'))
    .option('-n, --lines <count>', 'how many to show; 0 for all', '50')
    .option('--json', 'print JSON')
    .action((tool: string, options: WhoOptions) => withContext(open, ({ knex }) => who(knex, tool, options)))
}
