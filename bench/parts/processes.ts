import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { type Figure, table } from '../figures.ts'
import type { Measured, Part, Run } from '../part.ts'
import { cells, type Design, PROCESSOR_COLUMNS, playRounds, RATE_COLUMNS, ratio } from '../rounds.ts'
import { countIntrospections, seedToolgate } from '../seeds/toolgate.ts'
import { basicAuthorization, type Seed, toolBodies } from '../seeds/workload.ts'
import { withClient } from '../servers/postgres.ts'
import { withStage } from '../servers/stage.ts'
import { startToolgate, type ToolgateServer } from '../servers/toolgate.ts'

/** Two processes on one database, as behind a load balancer: the generator spreads its connections over both. */
export const processes: Part = {
  name: 'processes',
  summary: 'two processes on one database ÷ one, and how often one waits for a lock of the other',
  measure,
}

const CONNECTIONS = [16, 64] as const
const GOAL_AT_64 = 0.75
const SAMPLE_MS = 20

async function measure(run: Run): Promise<Measured> {
  return withStage(async (stage) => {
    const first = await startToolgate(stage, { profile_directory: run.profile_directory })
    const second = await startToolgate(stage, { url: first.url, issuer: first.issuer })
    const seed = await seedToolgate(first.url, run.quick ? 100 : 2_000)
    await stage.postgres.analyze(first.url)
    const designs = [deciding('one process', [first], seed), deciding('two processes', [first, second], seed)]
    const before = await countIntrospections(first.url)
    const watching = watchLocks(first.url)
    const samples = await playRounds({ designs, connections: CONNECTIONS, postgres: stage.postgres, ...run })
    const locks = await watching.stop()
    const written = (await countIntrospections(first.url)) - before
    const answers = designs.reduce((sum, design) => sum + design.answers, 0)
    return {
      figures: [
        ...CONNECTIONS.map(
          (connections): Figure => ({
            name: `two processes ÷ one, ${connections} connections`,
            value: ratio(samples, 'two processes', 'one process', connections),
            unit: 'times',
            ...(connections === 64 ? { goal: { least: GOAL_AT_64 } } : {}),
          }),
        ),
        {
          name: 'samples in which a process waited for a lock',
          value: locks.waits,
          unit: 'events',
          goal: { most: 0 },
        },
        {
          name: 'rows missing or too many',
          value: Math.abs(written - answers),
          unit: 'rows',
          goal: { most: 0 },
        },
      ],
      ran: `${run.rounds} rounds of ${run.seconds} s, ${locks.samples} looks at the locks`,
      details: table(
        [...RATE_COLUMNS, ...PROCESSOR_COLUMNS],
        CONNECTIONS.flatMap((connections) => designs.map(({ name }) => cells(samples, name, connections))),
      ),
    }
  })
}

function deciding(
  name: string,
  servers: readonly ToolgateServer[],
  seed: Seed,
): Design & { readonly answers: number } {
  const [first] = servers
  const headers = { Authorization: basicAuthorization(seed) }
  let answers = 0
  return {
    name,
    servers,
    load: () => ({
      ports: servers.map(({ port }) => port),
      host: first?.host ?? '',
      questions: { kind: 'in turn', path: '/introspect', headers, bodies: toolBodies(seed) },
      expected: ['"allowed":true'],
    }),
    heard: (result) => {
      answers += result.answers
    },
    get answers() {
      return answers
    },
  }
}

/** Looks again and again whether a session waits for a lock. Making a table longer is Postgres's own affair. */
function watchLocks(url: string): { stop(): Promise<{ samples: number; waits: number }> } {
  let over = false
  const watch = async (client: pg.Client) => {
    const seen = { samples: 0, waits: 0 }
    while (!over) {
      const { rowCount } = await client.query(
        `select from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock' and wait_event <> 'extend'`,
      )
      seen.samples += 1
      if (rowCount) seen.waits += 1
      await delay(SAMPLE_MS)
    }
    return seen
  }
  const watching = withClient(url, watch)
  return {
    stop: () => {
      over = true
      return watching
    },
  }
}
