import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { median } from '../figures.ts'
import type { Measured, Part } from '../part.ts'
import { createTemporaryDirectory, startBenchPostgres } from '../servers/postgres.ts'
import { freePort, type ServerProcess, startProcess } from '../servers/server-process.ts'

/** `npm start` as a newcomer runs it, with the example server, on free ports and in a directory that goes away. */
export const start: Part = {
  name: 'start',
  summary: 'time to ready of the first start and later ones; memory of the idle server',
  measure,
}

const CATALOGUE = fileURLToPath(new URL('../../catalogue.yaml', import.meta.url))
const WARM_STARTS = 3
const IDLE_MS = 3_000
const MEGABYTE = 1_000_000

async function npmStart(data_dir: string, more: Record<string, string> = {}): Promise<ServerProcess> {
  const [port, example_port] = [await freePort(), await freePort()]
  const catalogue = join(data_dir, 'catalogue.yaml')
  const text = await readFile(CATALOGUE, 'utf8')
  await writeFile(catalogue, text.replaceAll('localhost:4001', `localhost:${example_port}`))
  const env = {
    TOOLGATE_PORT: String(port),
    TOOLGATE_EXAMPLE_PORT: String(example_port),
    TOOLGATE_CATALOGUE: catalogue,
    TOOLGATE_DATA_DIR: data_dir,
    ...more,
  }
  return startProcess({ program: 'npm', arguments: ['start'], env, port })
}

type Start = { ready_seconds: number; idle_megabytes: number }

async function measureOne(data_dir: string, more?: Record<string, string>): Promise<Start> {
  const server = await npmStart(data_dir, more)
  try {
    await delay(IDLE_MS)
    const idle_megabytes = (server.residentBytes() ?? Number.NaN) / MEGABYTE
    return { ready_seconds: server.ready_ms / 1000, idle_megabytes }
  } finally {
    await server.stop()
  }
}

async function measure(): Promise<Measured> {
  const postgres = await startBenchPostgres()
  const directory = await createTemporaryDirectory()
  const other = await createTemporaryDirectory()
  try {
    const first = await measureOne(directory.path)
    const later: Start[] = []
    for (let start = 0; start < WARM_STARTS; start++) later.push(await measureOne(directory.path))
    const url = await postgres.createDatabase('start')
    const given = await measureOne(other.path, { TOOLGATE_DATABASE_URL: url })
    const ready = median(later.map((start) => start.ready_seconds))
    const idle = median(later.map((start) => start.idle_megabytes))
    const memory = { unit: 'MB', goal: { most: 200 } } as const
    return {
      ran: `one first start, ${WARM_STARTS} later ones, one with a Postgres given by URL`,
      figures: [
        { name: 'npm start to ready, first start', value: first.ready_seconds, unit: 's', goal: { most: 6 } },
        { name: 'npm start to ready, migrated data directory', value: ready, unit: 's', goal: { most: 2 } },
        { name: 'memory of the idle server, private Postgres', value: idle, ...memory },
        { name: 'memory of the idle server, Postgres given by URL', value: given.idle_megabytes, ...memory },
      ],
    }
  } finally {
    await postgres.stop()
    await directory.remove()
    await other.remove()
  }
}
