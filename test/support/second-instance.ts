import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { loadConfig } from '../../src/config/config.ts'
import { startServer } from '../../src/main/server.ts'
import { type SendInit, send } from './send.ts'
import type { Toolgate } from './toolgate.ts'

export type SecondInstance = Awaited<ReturnType<typeof startSecondInstance>>

/** Posts a form to the instance at `port`, as if to the issuer that it serves. */
export function postTo(port: number, issuer: string, path: string, form: Record<string, string>) {
  const init: SendInit = {
    method: 'POST',
    body: new URLSearchParams(form),
    headers: { host: new URL(issuer).host },
  }
  return send(`http://127.0.0.1:${port}${path}`, init)
}

/** Another server of the same installation with a database pool of its own, at `database_url` where given. */
export async function startSecondInstance(toolgate: Toolgate, database_url = toolgate.db.url) {
  const data_dir = await mkdtemp(join(tmpdir(), 'toolgate-second-'))
  const { issuer } = toolgate
  const config = loadConfig({
    TOOLGATE_ISSUER: issuer,
    TOOLGATE_PORT: '0',
    TOOLGATE_DATABASE_URL: database_url,
    TOOLGATE_DATA_DIR: data_dir,
    TOOLGATE_EXAMPLE_SERVER: 'off',
  })
  const server = await startServer(config, pino({ level: 'silent' }))
  return {
    ...server,
    post: (path: string, form: Record<string, string>) => postTo(server.port, issuer, path, form),
    refresh: (client_id: string, refresh_token: string) =>
      postTo(server.port, issuer, '/token', { grant_type: 'refresh_token', client_id, refresh_token }),
    async close() {
      await server.close()
      await rm(data_dir, { recursive: true, force: true })
    },
  }
}
