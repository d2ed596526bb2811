import { median } from './figures.ts'
import type { Load, LoadResult } from './load/load.ts'
import { applyLoad } from './load/load.ts'
import { say } from './part.ts'
import type { BenchPostgres } from './servers/postgres.ts'
import type { ServerProcess } from './servers/server-process.ts'

/**
 * Designs are asked in turn within each round, so that whatever else the machine does falls on all of them. Ratios
 * are taken within a round; the median round counts.
 */
export type Design = {
  name: string
  /** Whose processor time is counted. */
  servers: readonly Pick<ServerProcess, 'processorMs'>[]
  load(): Omit<Load, 'connections' | 'duration_ms'>
  /** Hears each result, the warm-up's too. */
  heard?(result: LoadResult): void
}

export type Sample = LoadResult & {
  design: string
  connections: number
  round: number
  /** Processor time; undefined where there is no /proc. */
  server_ms: number | undefined
  postgres_ms: number | undefined
}

export type Rounds = {
  designs: readonly Design[]
  connections: readonly number[]
  postgres: BenchPostgres
  rounds: number
  seconds: number
}

const WARM_UP = { connections: 16, seconds: 1.5 }

export async function playRounds(options: Rounds): Promise<Sample[]> {
  const { designs, connections, rounds, seconds } = options
  const warm_up = Math.min(WARM_UP.seconds, seconds)
  for (const design of designs)
    await play(options, design, {
      connections: Math.min(WARM_UP.connections, Math.max(...connections)),
      seconds: warm_up,
    })
  const samples: Sample[] = []
  for (let round = 0; round < rounds; round++) {
    for (const count of connections) {
      for (const design of round % 2 === 0 ? designs : designs.toReversed()) {
        const sample = await play(options, design, { connections: count, seconds })
        samples.push({ ...sample, round })
        say(
          `round ${round + 1}, ${count} connections, ${design.name}: ${Math.round(rate(sample))} per second`,
        )
      }
    }
  }
  return samples
}

async function play(
  { postgres }: Rounds,
  design: Design,
  { connections, seconds }: { connections: number; seconds: number },
): Promise<Omit<Sample, 'round'>> {
  const now = () => ({
    server: total(design.servers.map((server) => server.processorMs())),
    postgres: postgres.processorMs(),
  })
  const before = now()
  const result = await applyLoad({ ...design.load(), connections, duration_ms: seconds * 1000 })
  const after = now()
  design.heard?.(result)
  return {
    ...result,
    design: design.name,
    connections,
    server_ms: difference(after.server, before.server),
    postgres_ms: difference(after.postgres, before.postgres),
  }
}

function total(values: readonly (number | undefined)[]): number | undefined {
  return values.reduce(
    (sum, value) => (sum === undefined || value === undefined ? undefined : sum + value),
    0,
  )
}

function difference(after: number | undefined, before: number | undefined): number | undefined {
  return after === undefined || before === undefined ? undefined : after - before
}

export function rate({ answers, seconds }: LoadResult): number {
  return answers / seconds
}

/** The samples of one design at one number of connections, in the order of the rounds. */
export function select(samples: readonly Sample[], design: string, connections: number): Sample[] {
  return samples
    .filter((sample) => sample.design === design && sample.connections === connections)
    .toSorted((a, b) => a.round - b.round)
}

/** The median of the rounds' own ratios of two designs' rates. */
export function ratio(samples: readonly Sample[], design: string, base: string, connections: number): number {
  const bases = select(samples, base, connections)
  const own = select(samples, design, connections)
  return median(own.map((sample, round) => rate(sample) / rate(bases[round] ?? sample)))
}

/** The median over the rounds of what `read` finds in a sample. */
export function typical(
  samples: readonly Sample[],
  design: string,
  connections: number,
  read: (sample: Sample) => number,
): number {
  return median(select(samples, design, connections).map(read))
}

export const RATE_COLUMNS = ['connections', 'design', 'req/s', 'p50 ms', 'p99 ms', 'p99 / p50'] as const
export const PROCESSOR_COLUMNS = ['server µs', 'Postgres µs', 'generator µs'] as const

/** The cells of RATE_COLUMNS and PROCESSOR_COLUMNS for one design at one number of connections. */
export function cells(samples: readonly Sample[], design: string, connections: number): string[] {
  const of = (read: (sample: Sample) => number) => typical(samples, design, connections, read)
  const micros = (read: (sample: Sample) => number | undefined) => {
    const value = of((sample) => ((read(sample) ?? Number.NaN) * 1000) / sample.answers)
    return Number.isNaN(value) ? '' : value.toFixed(0)
  }
  return [
    String(connections),
    design,
    of(rate).toFixed(0),
    of((sample) => sample.p50_ms).toFixed(2),
    of((sample) => sample.p99_ms).toFixed(2),
    of((sample) => sample.p99_ms / sample.p50_ms).toFixed(1),
    micros((sample) => sample.server_ms),
    micros((sample) => sample.postgres_ms),
    micros((sample) => sample.generator_ms),
  ]
}
