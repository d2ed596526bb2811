import { fileURLToPath } from 'node:url'
import { freePort, type ServerProcess, startProcess } from './server-process.ts'
import type { Stage } from './stage.ts'

/** `toolgate serve`, as an operator runs it, on a database of the stage's Postgres. */
export type ToolgateServer = ServerProcess & { url: string; issuer: string; host: string }

export const TOOLGATE = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export type ToolgateOptions = {
  /** The database; a new one of the name `toolgate` when absent. */
  url?: string
  /** The issuer of the installation that this process joins; its own address when absent. */
  issuer?: string
  port?: number
  env?: Record<string, string>
  profile_directory?: string | undefined
}

export async function startToolgate(stage: Stage, options: ToolgateOptions = {}): Promise<ToolgateServer> {
  const url = options.url ?? (await stage.postgres.createDatabase('toolgate'))
  const port = options.port ?? (await freePort())
  const issuer = options.issuer ?? `http://localhost:${port}`
  const profiling = options.profile_directory
    ? ['--cpu-prof', `--cpu-prof-dir=${options.profile_directory}`]
    : []
  const server = await startProcess({
    program: process.execPath,
    // With the options of `npm start`.
    arguments: ['--max-semi-space-size=8', ...profiling, TOOLGATE, 'serve'],
    env: {
      NODE_ENV: 'production',
      TOOLGATE_PORT: String(port),
      TOOLGATE_ISSUER: issuer,
      TOOLGATE_DATABASE_URL: url,
      TOOLGATE_DATA_DIR: stage.directory,
      TOOLGATE_EXAMPLE_SERVER: 'off',
      TOOLGATE_LOG_LEVEL: 'warn',
      ...options.env,
    },
    port,
  })
  return stage.keep({ ...server, url, issuer, host: new URL(issuer).host })
}
