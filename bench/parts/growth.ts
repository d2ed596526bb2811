import { randomInt } from 'node:crypto'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { type Figure, grouped, median, table } from '../figures.ts'
import { type Measured, type Part, type Run, say } from '../part.ts'
import { cells, type Design, PROCESSOR_COLUMNS, playRounds, RATE_COLUMNS, ratio } from '../rounds.ts'
import { addServerOfNotes, withInstallation } from '../seeds/installation.ts'
import { basicAuthorization, TOOL } from '../seeds/workload.ts'
import { accountId, NUMBERED_TOKEN, RARE_TOOL, seedYears, TOOLS, type Volume } from '../seeds/years.ts'
import { withClient } from '../servers/postgres.ts'
import { type Stage, withStage } from '../servers/stage.ts'
import { startToolgate } from '../servers/toolgate.ts'

/** The same server on a small new database and on one that has been in use for a year. Tokens are asked for at random. */
export const growth: Part = {
  name: 'growth',
  summary:
    'throughput and audit questions with 1,000,000 tokens and 10,000,000 audit rows ÷ with 10,000 and none',
  long: true,
  measure,
}

const CONNECTIONS = [1, 16, 64] as const
const GOAL_AT_64 = 0.85
const PAGE_EVENTS = 50
const QUESTIONS = 20
const ANSWER_WITHIN_MS = 200
const WEEK_MS = 7 * 24 * 60 * 60 * 1000

const YOUNG: Volume = { accounts: 100, grants: 2_000, tokens: 10_000, audit_rows: 0 }
const OLD: Volume = { accounts: 10_000, grants: 200_000, tokens: 1_000_000, audit_rows: 10_000_000 }

async function measure(run: Run): Promise<Measured> {
  return withStage(async (stage) => {
    const old = scaled(OLD, run.scale)
    const young = scaled(YOUNG, Math.min(1, old.tokens / (10 * YOUNG.tokens)))
    const designs = [await designOf(stage, 'young', young, run), await designOf(stage, 'old', old, run)]
    const url = designs[1]?.url ?? ''
    const samples = await playRounds({ designs, connections: CONNECTIONS, postgres: stage.postgres, ...run })
    say('asking the audit log …')
    const questions = [await askByTool(url), await askByAccount(url, old)]
    return {
      figures: [
        ...CONNECTIONS.map(
          (connections): Figure => ({
            name: `throughput of the old database ÷ the young one, ${connections} connections`,
            value: ratio(samples, 'old', 'young', connections),
            unit: 'times',
            ...(connections === 64 ? { goal: { least: GOAL_AT_64 } } : {}),
          }),
        ),
        ...questions.flat(),
      ],
      ran: `${run.rounds} rounds of ${run.seconds} s; old is ${inWords(old)}; young is ${inWords(young)}`,
      details: table(
        [...RATE_COLUMNS, ...PROCESSOR_COLUMNS],
        CONNECTIONS.flatMap((connections) => designs.map(({ name }) => cells(samples, name, connections))),
      ),
    }
  })
}

function scaled(volume: Volume, scale: number): Volume {
  const share = (count: number) => Math.max(1, Math.round(count * scale))
  const { accounts, grants, tokens, audit_rows } = volume
  return {
    accounts: share(accounts),
    grants: share(grants),
    tokens: share(tokens),
    audit_rows: audit_rows === 0 ? 0 : share(audit_rows),
  }
}

function inWords({ accounts, grants, tokens, audit_rows }: Volume): string {
  return `${grouped(tokens)} tokens, ${grouped(grants)} grants, ${grouped(accounts)} accounts, ${grouped(audit_rows)} audit rows`
}

async function designOf(
  stage: Stage,
  name: string,
  volume: Volume,
  run: Run,
): Promise<Design & { url: string }> {
  const database = await stage.postgres.createDatabase(name)
  const server = await startToolgate(stage, { url: database, profile_directory: run.profile_directory })
  const credentials = await withInstallation(database, addServerOfNotes)
  say(`filling the ${name} database: ${inWords(volume)} …`)
  const started_ms = performance.now()
  await seedYears(database, volume)
  say(`filled in ${Math.round((performance.now() - started_ms) / 1000)} s`)
  const headers = { Authorization: basicAuthorization({ ...credentials, tokens: [] }) }
  const { start, digits } = NUMBERED_TOKEN
  return {
    name,
    url: database,
    servers: [server],
    load: () => ({
      ports: [server.port],
      host: server.host,
      questions: {
        kind: 'numbered',
        path: '/introspect',
        headers,
        before: `token=${start}`,
        digits,
        count: volume.tokens,
        after: `&mcp_method=tools%2Fcall&mcp_name=${TOOL}`,
      },
      expected: ['"allowed":true'],
    }),
  }
}

/** The first page of "who called this tool last week", of every tool. */
async function askByTool(url: string): Promise<Figure[]> {
  const from = new Date(Date.now() - WEEK_MS)
  const tools = [...TOOLS, RARE_TOOL]
  const filters = Array.from({ length: QUESTIONS }, (_, place) => ({
    tool: tools[place % tools.length],
    from,
  }))
  return askAll(url, 'who called this tool last week', filters)
}

/** The first page of "what did this account do", of accounts at random. */
async function askByAccount(url: string, { accounts }: Volume): Promise<Figure[]> {
  const filters = await withClient(url, async (client) => {
    const found: { account_id: string }[] = []
    while (found.length < QUESTIONS) found.push({ account_id: await accountId(client, randomInt(accounts)) })
    return found
  })
  return askAll(url, 'what did this account do', filters)
}

async function askAll(
  url: string,
  question: string,
  filters: readonly Parameters<typeof pageEvents>[1][],
): Promise<Figure[]> {
  const elapsed_ms = await withInstallation(url, async ({ db }) => {
    await db.raw('select 1')
    const each: number[] = []
    for (const filter of filters) {
      const started_ms = performance.now()
      const { events } = await pageEvents(db, filter, PAGE_EVENTS)
      each.push(performance.now() - started_ms)
      if (events.length === 0) throw new Error(`nothing found: ${JSON.stringify(filter)}`)
    }
    return each
  })
  const goal = { most: ANSWER_WITHIN_MS }
  return [
    { name: `${question}, first page, median`, value: median(elapsed_ms), unit: 'ms' },
    { name: `${question}, first page, slowest`, value: Math.max(...elapsed_ms), unit: 'ms', goal },
  ]
}
