import { fileURLToPath } from 'node:url'
import { type BareSeed, seedBare } from '../limits/bare-tables.ts'
import { freePort, type ServerProcess, startProcess } from './server-process.ts'
import type { Stage } from './stage.ts'

/** The limit of bench/limits, on a database of the stage's Postgres with `count` tokens. */
const SERVER = fileURLToPath(new URL('../limits/bare-server.ts', import.meta.url))

export async function startBare(
  stage: Stage,
  count: number,
): Promise<ServerProcess & { url: string; host: string; seed: BareSeed }> {
  const url = await stage.postgres.createDatabase('bare')
  const seed = await seedBare(url, count)
  await stage.postgres.analyze(url)
  const port = await freePort()
  const server = await startProcess({
    program: process.execPath,
    arguments: [SERVER, String(port), url],
    env: { NODE_ENV: 'production' },
    port,
  })
  return stage.keep({ ...server, url, host: `localhost:${port}`, seed })
}
