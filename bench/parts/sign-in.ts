import { availableParallelism } from 'node:os'
import { table } from '../figures.ts'
import type { SingleRequest } from '../load/questions.ts'
import { type Measured, type Part, type Run, say } from '../part.ts'
import { cells, type Design, PROCESSOR_COLUMNS, playRounds, RATE_COLUMNS, rate, typical } from '../rounds.ts'
import { registerClient } from '../seeds/client.ts'
import { seedPeople } from '../seeds/people.ts'
import { openSignIn } from '../seeds/sign-ins.ts'
import { withStage } from '../servers/stage.ts'
import { startToolgate } from '../servers/toolgate.ts'

/** Sending the sign-in form: cookies, the form's own token, the password's hash, the session and the record. */
export const signIn: Part = {
  name: 'sign-in',
  summary: 'sign-in forms answered per second, password hash included',
  measure,
}

const CONNECTIONS = [1, 16] as const
/** More than a core hashes in a second. */
const SIGN_INS_PER_SECOND_AND_CORE = 40
const AT_ONCE = 8
/** Attempts on one account that are under way count as failures until they succeed. */
const PEOPLE = 16

async function measure(run: Run): Promise<Measured> {
  return withStage(async (stage) => {
    const env = { TOOLGATE_TRUSTED_PROXY_HOPS: '1' }
    const toolgate = await startToolgate(stage, { env, profile_directory: run.profile_directory })
    const people = await seedPeople(toolgate.url, PEOPLE)
    const client_id = await registerClient(toolgate.issuer)
    const loads = 1 + run.rounds * CONNECTIONS.length
    const per_load = Math.ceil(SIGN_INS_PER_SECOND_AND_CORE * availableParallelism() * run.seconds)
    say(`opening ${loads * per_load} sign-in pages …`)
    const requests: SingleRequest[] = []
    while (requests.length < loads * per_load) {
      const opening = Array.from({ length: AT_ONCE }, (_, index) => {
        const number = requests.length + index
        const { username = '', password = '' } = people[number % PEOPLE] ?? {}
        return openSignIn(toolgate.issuer, client_id, { username, password }, number)
      })
      requests.push(...(await Promise.all(opening)))
    }
    const design: Design = {
      name: 'toolgate',
      servers: [toolgate],
      load: () => ({
        ports: [toolgate.port],
        host: toolgate.host,
        questions: { kind: 'once', requests: requests.splice(0, per_load) },
        expected: ['http-equiv="refresh"'],
      }),
    }
    const samples = await playRounds({
      designs: [design],
      connections: CONNECTIONS,
      postgres: stage.postgres,
      ...run,
    })
    return {
      figures: CONNECTIONS.map((connections) => ({
        name: `sign-in, ${connections} connections`,
        value: typical(samples, 'toolgate', connections, rate),
        unit: 'per second' as const,
      })),
      ran: `${run.rounds} rounds of ${run.seconds} s`,
      details: table(
        [...RATE_COLUMNS, ...PROCESSOR_COLUMNS],
        CONNECTIONS.map((connections) => cells(samples, 'toolgate', connections)),
      ),
    }
  })
}
