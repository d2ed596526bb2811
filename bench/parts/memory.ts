import { setTimeout as delay } from 'node:timers/promises'
import { type Figure, mean, table } from '../figures.ts'
import { startLoad } from '../load/load.ts'
import { type Measured, type Part, type Run, say } from '../part.ts'
import { seedToolgate } from '../seeds/toolgate.ts'
import { basicAuthorization, toolBodies } from '../seeds/workload.ts'
import { withStage } from '../servers/stage.ts'
import { startToolgate } from '../servers/toolgate.ts'

/** Resident memory of the server under 64 connections that never pause. */
export const memory: Part = {
  name: 'memory',
  summary: 'resident memory of the server under 64 connections for --minutes',
  long: true,
  measure,
}

const CONNECTIONS = 64
const MEGABYTE = 1_000_000
const MOST_MB = 300
const GROWTH_MOST = 1.1
/** Of the whole time; afterwards memory has to be flat. */
const WARM_UP_SHARE = 0.1
const SAMPLES = 300
const SHOWN = 10

async function measure(run: Run): Promise<Measured> {
  return withStage(async (stage) => {
    const toolgate = await startToolgate(stage, { profile_directory: run.profile_directory })
    const seed = await seedToolgate(toolgate.url, run.quick ? 100 : 10_000)
    await stage.postgres.analyze(toolgate.url)
    const idle = megabytes(toolgate.residentBytes())
    const duration_ms = run.minutes * 60_000
    const load = startLoad({
      ports: [toolgate.port],
      host: toolgate.host,
      questions: {
        kind: 'in turn',
        path: '/introspect',
        headers: { Authorization: basicAuthorization(seed) },
        bodies: toolBodies(seed),
      },
      expected: ['"allowed":true'],
      connections: CONNECTIONS,
      duration_ms,
    })
    const samples: number[] = []
    for (let sample = 0; sample < SAMPLES; sample++) {
      await Promise.race([delay(duration_ms / SAMPLES), load.result])
      samples.push(megabytes(toolgate.residentBytes()))
      if (sample % (SAMPLES / SHOWN) === 0) say(`${samples.at(-1)?.toFixed(0)} MB`)
    }
    const { answers, seconds } = await load.result
    return {
      figures: figuresOf(samples),
      ran: `${run.minutes} minutes, ${CONNECTIONS} connections, ${Math.round(answers / seconds)} answers per second`,
      details: detailsTable(idle, samples, run.minutes),
    }
  })
}

function megabytes(bytes: number | undefined): number {
  return (bytes ?? Number.NaN) / MEGABYTE
}

function figuresOf(samples: readonly number[]): Figure[] {
  const warm = samples.slice(Math.floor(samples.length * WARM_UP_SHARE))
  const third = Math.floor(warm.length / 3)
  const growth = mean(warm.slice(-third)) / mean(warm.slice(0, third))
  return [
    {
      name: 'resident memory under load, most',
      value: Math.max(...samples),
      unit: 'MB',
      goal: { most: MOST_MB },
    },
    {
      name: 'mean of the last third ÷ mean of the first third after the warm-up',
      value: growth,
      unit: 'times',
      goal: { most: GROWTH_MOST },
    },
  ]
}

function detailsTable(idle: number, samples: readonly number[], minutes: number): string {
  const step = samples.length / SHOWN
  const rows = Array.from({ length: SHOWN }, (_, index) => {
    const part = samples.slice(Math.floor(index * step), Math.floor((index + 1) * step))
    return [((minutes * (index + 1)) / SHOWN).toFixed(1), mean(part).toFixed(0), Math.max(...part).toFixed(0)]
  })
  return table(['minute', 'mean MB', 'most MB'], [['before', idle.toFixed(0), idle.toFixed(0)], ...rows])
}
