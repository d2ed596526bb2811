import { fileURLToPath } from 'node:url'
import { freePort, type ServerProcess, startProcess } from './server-process.ts'
import type { Stage } from './stage.ts'

/** The baseline of bench/straightforward, on a database of the stage's Postgres, filled by `seed`. */
export type StraightforwardServer<S> = ServerProcess & { host: string; seed: S }

const SERVER = fileURLToPath(new URL('../straightforward/server.ts', import.meta.url))

export async function startStraightforward<S>(
  stage: Stage,
  seed: (url: string, issuer: string) => Promise<S>,
): Promise<StraightforwardServer<S>> {
  const url = await stage.postgres.createDatabase('straightforward')
  const port = await freePort()
  const host = `localhost:${port}`
  const seeded = await seed(url, `http://${host}`)
  await stage.postgres.analyze(url)
  const server = await startProcess({
    program: process.execPath,
    arguments: [SERVER, String(port), url],
    env: { NODE_ENV: 'production' },
    port,
  })
  return stage.keep({ ...server, host, seed: seeded })
}
