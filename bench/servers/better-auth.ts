import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { say } from '../part.ts'
import type { Seed } from '../seeds/workload.ts'
import { environment, freePort, type ServerProcess, startProcess } from './server-process.ts'
import type { Stage } from './stage.ts'

/** Better Auth's OAuth provider from bench/peers, which has a package and a lock of its own. */
const PEERS = fileURLToPath(new URL('../peers', import.meta.url))
const INSTALL_TIMEOUT_MS = 180_000

/** Undefined when it is there; otherwise why it is not, in words. */
export async function installBetterAuth(): Promise<string | undefined> {
  if (existsSync(`${PEERS}/node_modules/@better-auth/oauth-provider/package.json`)) return undefined
  say('installing Better Auth into bench/peers with npm ci …')
  try {
    const flags = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--fetch-retries=1']
    const limits = { cwd: PEERS, env: environment(), timeout: INSTALL_TIMEOUT_MS }
    await promisify(execFile)('npm', flags, limits)
    say('installed')
    return undefined
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    const reason = /npm error code (\S+)/.exec(said)?.[1] ?? said.split('\n')[0]
    return `Better Auth could not be installed from npm (${reason}). To try by hand: npm ci --prefix bench/peers`
  }
}

export async function startBetterAuth(
  stage: Stage,
  count: number,
): Promise<ServerProcess & { host: string; seed: Seed }> {
  const url = await stage.postgres.createDatabase('better_auth')
  const port = await freePort()
  let seed: Seed | undefined
  const server = await startProcess({
    program: process.execPath,
    arguments: [`${PEERS}/better-auth-server.mjs`, String(port), url, String(count)],
    env: { NODE_ENV: 'production' },
    port,
    on_line: (line) => {
      if (line.startsWith('seed ')) seed = JSON.parse(line.slice('seed '.length))
    },
  })
  stage.keep(server)
  if (!seed) throw new Error('Better Auth said nothing about its tokens')
  await stage.postgres.analyze(url)
  return { ...server, host: `localhost:${port}`, seed }
}
