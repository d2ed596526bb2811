import { table } from '../figures.ts'
import type { LoadResult } from '../load/load.ts'
import type { Measured, Part, Run } from '../part.ts'
import { cells, type Design, PROCESSOR_COLUMNS, playRounds, RATE_COLUMNS, ratio } from '../rounds.ts'
import { seedFamilies } from '../seeds/families.ts'
import { addPerson, withInstallation } from '../seeds/installation.ts'
import { RESOURCE } from '../seeds/workload.ts'
import type { ServerProcess } from '../servers/server-process.ts'
import { withStage } from '../servers/stage.ts'
import { startStraightforward } from '../servers/straightforward.ts'
import { startToolgate } from '../servers/toolgate.ts'
import { seedStraightforwardFamilies } from '../straightforward/seed.ts'

/** Refreshing with rotation: each refresh spends the newest token of its family, and no family is refreshed twice at once. */
export const refresh: Part = {
  name: 'refresh',
  summary: 'refreshes with rotation per second, beside the baseline',
  measure,
}

const CONNECTIONS = [1, 16, 64] as const
const FAMILIES = 256
const GOAL_AT_16 = 3

async function measure(run: Run): Promise<Measured> {
  return withStage(async (stage) => {
    const toolgate = await startToolgate(stage, { profile_directory: run.profile_directory })
    const person = await withInstallation(toolgate.url, addPerson)
    const own = await seedFamilies(toolgate, person, FAMILIES)
    await stage.postgres.analyze(toolgate.url)
    const baseline = await startStraightforward(stage, (url, issuer) =>
      seedStraightforwardFamilies(url, issuer, FAMILIES),
    )
    const designs = [
      refreshing('straightforward', baseline, baseline.seed),
      refreshing('toolgate', toolgate, own),
    ]
    const samples = await playRounds({ designs, connections: CONNECTIONS, postgres: stage.postgres, ...run })
    return {
      figures: CONNECTIONS.map((connections) => ({
        name: `refresh, toolgate ÷ straightforward, ${connections} connections`,
        value: ratio(samples, 'toolgate', 'straightforward', connections),
        unit: 'times' as const,
        ...(connections === 16 ? { goal: { least: GOAL_AT_16 } } : {}),
      })),
      ran: `${run.rounds} rounds of ${run.seconds} s, ${FAMILIES} families`,
      details: table(
        [...RATE_COLUMNS, ...PROCESSOR_COLUMNS],
        CONNECTIONS.flatMap((connections) => designs.map(({ name }) => cells(samples, name, connections))),
      ),
    }
  })
}

function refreshing(
  name: string,
  server: ServerProcess & { host: string },
  seed: { client_id: string; families: string[] },
): Design {
  const form = { grant_type: 'refresh_token', client_id: seed.client_id, resource: RESOURCE }
  const before = `${new URLSearchParams(form)}&refresh_token=`
  let { families } = seed
  return {
    name,
    servers: [server],
    load: () => ({
      ports: [server.port],
      host: server.host,
      questions: { kind: 'refresh', path: '/token', headers: {}, before, families },
      expected: ['"access_token":"'],
    }),
    heard: (result: LoadResult) => {
      families = result.families ?? families
    },
  }
}
