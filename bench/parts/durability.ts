import { setTimeout as delay } from 'node:timers/promises'
import { type Figure, table } from '../figures.ts'
import { type RunningLoad, startLoad } from '../load/load.ts'
import { type Measured, type Part, type Run, say } from '../part.ts'
import { seedToolgate } from '../seeds/toolgate.ts'
import { basicAuthorization, type Seed, toolBodies } from '../seeds/workload.ts'
import { runToolgate } from '../servers/command.ts'
import { crash } from '../servers/crash.ts'
import { withClient } from '../servers/postgres.ts'
import { withStage } from '../servers/stage.ts'
import { startToolgate, type ToolgateServer } from '../servers/toolgate.ts'

/**
 * kill -9 of the server, then of every process of Postgres, again and again under load. Each request has an id of
 * its own and the generator remembers the ids of the answers it received: each must have one row, not none and not two.
 */
export const durability: Part = {
  name: 'durability',
  summary: 'answers against audit rows after kill -9 of the server and of Postgres under load',
  long: true,
  measure,
}

const CONNECTIONS = 16
const KILLS = 20
const NEVER_MS = 24 * 60 * 60 * 1000

type Outcome = { killed: string; answered_ids: readonly string[]; unanswered: number }

async function measure(run: Run): Promise<Measured> {
  const kills = run.quick ? 1 : KILLS
  return withStage(async (stage) => {
    const first = await startToolgate(stage)
    const { url, port, issuer } = first
    const seed = await seedToolgate(url, run.quick ? 100 : 2_000)
    await stage.postgres.analyze(url)

    let server: ToolgateServer = first
    const killServer = async () => {
      await server.kill()
      server = await startToolgate(stage, { url, port, issuer })
    }
    const outcomes = [
      await underLoad('the server', first, seed, () => repeat(kills, 'the server', killServer)),
      await underLoad('Postgres', first, seed, () =>
        repeat(kills, 'Postgres', () => crash(stage.postgres, url)),
      ),
    ]
    await server.stop()
    const rows = await rowsById(url)
    const verified = await runToolgate(url, stage.directory, ['audit', 'verify'])
    const figures = outcomes.flatMap((outcome) => figuresOf(outcome, rows))
    const whole = verified.exit_code === 0
    return {
      figures: [
        ...figures,
        { name: 'audit verify afterwards, faults', value: whole ? 0 : 1, unit: 'events', goal: { most: 0 } },
      ],
      ran: `${kills} times kill -9 of each under ${CONNECTIONS} connections`,
      details: [detailsTable(outcomes, rows), ROWS_WITHOUT, ...(whole ? [] : [verified.output])].join('\n\n'),
    }
  })
}

async function repeat(count: number, name: string, kill: () => Promise<void>): Promise<void> {
  for (let time = 1; time <= count; time++) {
    await delay(300 + Math.random() * 700)
    say(`kill -9 of ${name}, ${time} of ${count}`)
    await kill()
  }
  await delay(500)
}

async function underLoad(
  killed: string,
  server: ToolgateServer,
  seed: Seed,
  kill: () => Promise<void>,
): Promise<Outcome> {
  const load = identifiedLoad(server, seed)
  // A load that cannot go on must not leave the kills unobserved.
  await Promise.race([kill(), load.result])
  load.stop()
  const { answered_ids = [], unanswered } = await load.result
  return { killed, answered_ids, unanswered }
}

function identifiedLoad({ port, host }: ToolgateServer, seed: Seed): RunningLoad {
  return startLoad({
    ports: [port],
    host,
    questions: {
      kind: 'identified',
      path: '/introspect',
      headers: { Authorization: basicAuthorization(seed) },
      bodies: toolBodies(seed),
    },
    expected: ['"allowed":true'],
    connections: CONNECTIONS,
    duration_ms: NEVER_MS,
    survives: true,
  })
}

/** How many rows each request has. */
function rowsById(url: string): Promise<Map<string, number>> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ request_id: string; count: number }>(
      `select request_id, count(*)::int as count from audit_events where type = 'tool.decided' group by 1`,
    )
    return new Map(rows.map(({ request_id, count }) => [request_id, count]))
  })
}

function tally({ answered_ids }: Outcome, rows: ReadonlyMap<string, number>) {
  const counts = answered_ids.map((id) => rows.get(id) ?? 0)
  const run = answered_ids[0]?.split('.')[0] ?? ''
  const own = [...rows].filter(([id]) => id.startsWith(`${run}.`))
  return {
    missing: counts.filter((count) => count === 0).length,
    doubled: own.filter(([, count]) => count > 1).length,
    rows: own.reduce((sum, [, count]) => sum + count, 0),
  }
}

function figuresOf(outcome: Outcome, rows: ReadonlyMap<string, number>): Figure[] {
  const { missing, doubled } = tally(outcome, rows)
  const name = `kill -9 of ${outcome.killed}`
  return [
    {
      name: `${name}, answers given`,
      value: outcome.answered_ids.length,
      unit: 'answers',
      goal: { least: 1 },
    },
    { name: `${name}, answers without a row`, value: missing, unit: 'answers', goal: { most: 0 } },
    { name: `${name}, requests with two rows`, value: doubled, unit: 'answers', goal: { most: 0 } },
  ]
}

const ROWS_WITHOUT = `Rows beyond the answers are no fault: the row was committed, and the server or the connection was gone before
the answer arrived. Refused are requests that got 503 or no answer at all.`

function detailsTable(outcomes: readonly Outcome[], rows: ReadonlyMap<string, number>): string {
  return table(
    ['killed', 'answers', 'rows', 'rows beyond the answers', 'refused or lost'],
    outcomes.map((outcome) => {
      const counted = tally(outcome, rows)
      const answers = outcome.answered_ids.length
      return [
        outcome.killed,
        String(answers),
        String(counted.rows),
        String(counted.rows - answers),
        String(outcome.unanswered),
      ]
    }),
  )
}
