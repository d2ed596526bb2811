import { table } from '../figures.ts'
import type { Measured, Part, Run } from '../part.ts'
import { cells, type Design, PROCESSOR_COLUMNS, playRounds, RATE_COLUMNS, ratio } from '../rounds.ts'
import { REDIRECT_URI } from '../seeds/client.ts'
import { seedCodes } from '../seeds/families.ts'
import { addPerson, withInstallation } from '../seeds/installation.ts'
import { RESOURCE } from '../seeds/workload.ts'
import type { ServerProcess } from '../servers/server-process.ts'
import { withStage } from '../servers/stage.ts'
import { startStraightforward } from '../servers/straightforward.ts'
import { startToolgate } from '../servers/toolgate.ts'
import { seedStraightforwardCodes } from '../straightforward/seed.ts'

/** Redeeming authorization codes with PKCE, each code once. */
export const codeExchange: Part = {
  name: 'code',
  summary: 'authorization codes exchanged per second, beside the baseline',
  measure,
}

const CONNECTIONS = [1, 16] as const
/** More than any design redeems in a second. */
const CODES_PER_SECOND = 4_000

async function measure(run: Run): Promise<Measured> {
  return withStage(async (stage) => {
    const loads = 1 + run.rounds * CONNECTIONS.length
    const per_load = Math.ceil(CODES_PER_SECOND * Math.max(run.seconds, 0.1))
    const toolgate = await startToolgate(stage, { profile_directory: run.profile_directory })
    const person = await withInstallation(toolgate.url, addPerson)
    const own = await seedCodes(toolgate, person, loads * per_load)
    await stage.postgres.analyze(toolgate.url)
    const baseline = await startStraightforward(stage, (url, issuer) =>
      seedStraightforwardCodes(url, issuer, loads * Math.ceil(per_load / 4)),
    )
    const designs = [
      redeeming('straightforward', baseline, baseline.seed, loads),
      redeeming('toolgate', toolgate, own, loads),
    ]
    const samples = await playRounds({ designs, connections: CONNECTIONS, postgres: stage.postgres, ...run })
    return {
      figures: CONNECTIONS.map((connections) => ({
        name: `code exchange, toolgate ÷ straightforward, ${connections} connections`,
        value: ratio(samples, 'toolgate', 'straightforward', connections),
        unit: 'times' as const,
      })),
      ran: `${run.rounds} rounds of ${run.seconds} s`,
      details: table(
        [...RATE_COLUMNS, ...PROCESSOR_COLUMNS],
        CONNECTIONS.flatMap((connections) => designs.map(({ name }) => cells(samples, name, connections))),
      ),
    }
  })
}

/** Each load gets codes that no load had before. */
function redeeming(
  name: string,
  server: ServerProcess & { host: string },
  { client_id, code_verifier, codes }: { client_id: string; code_verifier: string; codes: string[] },
  loads: number,
): Design {
  const form = { grant_type: 'authorization_code', client_id, code_verifier, redirect_uri: REDIRECT_URI }
  const before = `${new URLSearchParams({ ...form, resource: RESOURCE })}&code=`
  const per_load = Math.floor(codes.length / loads)
  let spent = 0
  return {
    name,
    servers: [server],
    load: () => {
      const fresh = codes.slice(spent, spent + per_load)
      spent += per_load
      const requests = fresh.map((code) => ({ path: '/token', headers: {}, body: before + code }))
      return {
        ports: [server.port],
        host: server.host,
        questions: { kind: 'once', requests },
        expected: ['"access_token":"', '"refresh_token":"'],
      }
    },
  }
}
