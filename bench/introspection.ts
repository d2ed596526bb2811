import { fileURLToPath } from 'node:url'
import { type Figure, median, table } from './figures.ts'
import { applyLoad } from './load.ts'
import type { Load, LoadResult } from './load-generator.ts'
import { type BenchPostgres, createTemporaryDirectory, startBenchPostgres } from './postgres.ts'
import { countIntrospections, seedToolgate } from './seed.ts'
import { freePort, type ServerProcess, startProcess } from './server-process.ts'
import { seedStraightforward } from './straightforward/seed.ts'
import { basicAuthorization, plainBodies, type Seed, toolBodies } from './workload.ts'

/**
 * Introspection beside the straightforward design: both servers run at once on one Postgres and are asked in turn,
 * so that whatever else the machine does falls on both. Ratios are taken within a round; the median round counts.
 */
export type IntrospectionOptions = { rounds: number; seconds: number; profile_directory: string | undefined }

const TOKENS = 2_000
const CONNECTIONS = [1, 16, 64] as const
const WARM_UP = { connections: 16, duration_ms: 1_500 }
const GOALS: Partial<Record<number, number>> = { 16: 3 }

const SERVER = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))
const STRAIGHTFORWARD_SERVER = fileURLToPath(new URL('straightforward/server.ts', import.meta.url))

const EXPLANATION = `Introspection, medians over the rounds. Load generator, servers and Postgres share the machine, so read
the ratios and not the rates. "straightforward" is oidc-provider's own introspection over one JSONB table, with one
awaited audit insert (bench/straightforward). A ratio is taken within a round, in which all designs are asked in turn;
the median round counts. Every answer is checked to be active, and Toolgate's to have its row in the audit log.`

/** Straightforward leads: the ratios are to it. */
const VARIANTS = ['straightforward', 'toolgate', 'toolgate, tool decided'] as const
type Variant = (typeof VARIANTS)[number]
type Target = Pick<Load, 'port' | 'path' | 'authorization' | 'bodies' | 'expected'>
type Stage = { targets: Record<Variant, Target>; toolgate_url: string; close(): Promise<void> }
type Sample = LoadResult & { variant: Variant; connections: number; round: number }

export async function measureIntrospection(
  options: IntrospectionOptions,
): Promise<{ figures: Figure[]; details: string }> {
  const stage = await setStage(options)
  try {
    const samples = await playRounds(stage, options)
    return { figures: figuresOf(samples), details: detailsOf(samples) }
  } finally {
    await stage.close()
  }
}

async function setStage({ profile_directory }: IntrospectionOptions): Promise<Stage> {
  const postgres = await startBenchPostgres()
  const directory = await createTemporaryDirectory()
  const servers: ServerProcess[] = []
  const close = async () => {
    await Promise.all(servers.map((server) => server.stop()))
    await postgres.stop()
    await directory.remove()
  }
  try {
    const toolgate = await startToolgate(postgres, directory.path, profile_directory, servers)
    const straightforward = await startStraightforward(postgres, servers)
    const plain = target(toolgate.server, toolgate.seed)
    const targets = {
      straightforward: target(straightforward.server, straightforward.seed),
      toolgate: plain,
      'toolgate, tool decided': {
        ...plain,
        bodies: toolBodies(toolgate.seed),
        expected: [...plain.expected, '"allowed":true'],
      },
    }
    return { targets, toolgate_url: toolgate.url, close }
  } catch (error) {
    await close()
    throw error
  }
}

async function startToolgate(
  postgres: BenchPostgres,
  data_dir: string,
  profile_directory: string | undefined,
  servers: ServerProcess[],
) {
  const url = await postgres.createDatabase('toolgate')
  const port = await freePort()
  const env = {
    NODE_ENV: 'production',
    TOOLGATE_PORT: String(port),
    TOOLGATE_DATABASE_URL: url,
    TOOLGATE_DATA_DIR: data_dir,
    TOOLGATE_EXAMPLE_SERVER: 'off',
    TOOLGATE_LOG_LEVEL: 'warn',
  }
  const profiling = profile_directory ? ['--cpu-prof', `--cpu-prof-dir=${profile_directory}`] : []
  const command = { program: process.execPath, arguments: [...profiling, SERVER, 'serve'], env, port }
  const server = await startProcess(command)
  servers.push(server)
  const seed = await seedToolgate(url, TOKENS)
  await postgres.analyze(url)
  return { url, server, seed }
}

async function startStraightforward(postgres: BenchPostgres, servers: ServerProcess[]) {
  const url = await postgres.createDatabase('straightforward')
  const port = await freePort()
  const seed = await seedStraightforward(url, `http://localhost:${port}`, TOKENS)
  await postgres.analyze(url)
  const env = { NODE_ENV: 'production' }
  const command = {
    program: process.execPath,
    arguments: [STRAIGHTFORWARD_SERVER, String(port), url],
    env,
    port,
  }
  const server = await startProcess(command)
  servers.push(server)
  return { server, seed }
}

function target({ port }: ServerProcess, seed: Seed): Target {
  const authorization = basicAuthorization(seed)
  return { port, path: '/introspect', authorization, bodies: plainBodies(seed), expected: ['"active":true'] }
}

async function playRounds(stage: Stage, { rounds, seconds }: IntrospectionOptions): Promise<Sample[]> {
  const before = await countIntrospections(stage.toolgate_url)
  let answered = 0
  const apply = async (variant: Variant, load: { connections: number; duration_ms: number }) => {
    const result = await applyLoad({ ...stage.targets[variant], ...load })
    if (variant !== 'straightforward') answered += result.answers
    return result
  }
  for (const variant of VARIANTS) await apply(variant, WARM_UP)
  const samples: Sample[] = []
  for (let round = 0; round < rounds; round++) {
    for (const connections of CONNECTIONS) {
      for (const variant of round % 2 === 0 ? VARIANTS : VARIANTS.toReversed()) {
        const result = await apply(variant, { connections, duration_ms: seconds * 1000 })
        samples.push({ ...result, variant, connections, round })
        const rate = Math.round(result.answers / result.seconds)
        console.error(`round ${round + 1}, ${connections} connections, ${variant}: ${rate} req/s`)
      }
    }
  }
  const recorded = (await countIntrospections(stage.toolgate_url)) - before
  if (recorded !== answered) throw new Error(`${answered} answers were given and ${recorded} recorded`)
  return samples
}

function rate({ answers, seconds }: LoadResult): number {
  return answers / seconds
}

function select(samples: Sample[], variant: Variant, connections: number): Sample[] {
  return samples.filter((sample) => sample.variant === variant && sample.connections === connections)
}

/** The median of the rounds' own ratios to the straightforward design. */
function ratio(samples: Sample[], variant: Variant, connections: number): number {
  const base = select(samples, 'straightforward', connections)
  return median(
    select(samples, variant, connections).map((sample, index) => rate(sample) / rate(base[index] ?? sample)),
  )
}

function figuresOf(samples: Sample[]): Figure[] {
  return VARIANTS.slice(1).flatMap((variant) =>
    CONNECTIONS.map((connections): Figure => {
      const name = `introspection at ${connections} connections, ${variant}, to straightforward`
      const least = GOALS[connections]
      const value = ratio(samples, variant, connections)
      return { name, value, unit: 'times', ...(least === undefined ? {} : { goal: { least } }) }
    }),
  )
}

function detailsOf(samples: Sample[]): string {
  const rows = CONNECTIONS.flatMap((connections) =>
    VARIANTS.map((variant) => {
      const runs = select(samples, variant, connections)
      return [
        String(connections),
        variant,
        median(runs.map(rate)).toFixed(0),
        median(runs.map((run) => run.p50_ms)).toFixed(2),
        median(runs.map((run) => run.p99_ms)).toFixed(2),
        ratio(samples, variant, connections).toFixed(1),
      ]
    }),
  )
  return [EXPLANATION, table(['connections', 'design', 'req/s', 'p50 ms', 'p99 ms', 'ratio'], rows)].join(
    '\n\n',
  )
}
