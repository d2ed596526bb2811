import { fileURLToPath } from 'node:url'
import type { Seed } from '../seeds/workload.ts'
import { freePort, type ServerProcess, startProcess } from './server-process.ts'
import type { Stage } from './stage.ts'
import type { ToolgateServer } from './toolgate.ts'

const SERVER = fileURLToPath(new URL('../guarded/server.ts', import.meta.url))

export type GuardedServer = ServerProcess & { host: string }

/** The guard before a handler that does nothing, in a process of its own. Without `max_age_seconds` every call asks. */
export async function startGuarded(
  stage: Stage,
  { issuer }: ToolgateServer,
  { client_id, client_secret }: Seed,
  max_age_seconds?: number,
): Promise<GuardedServer> {
  const port = await freePort()
  const more = max_age_seconds === undefined ? [] : [String(max_age_seconds)]
  const server = await startProcess({
    program: process.execPath,
    arguments: [SERVER, String(port), issuer, client_id, client_secret, ...more],
    env: { NODE_ENV: 'production' },
    port,
  })
  return stage.keep({ ...server, host: `localhost:${port}` })
}
