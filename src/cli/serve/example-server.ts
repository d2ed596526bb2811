import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import type { AuditLog } from '../../audit/log/audit-log.ts'
import { SERVER } from '../../audit-chain/actor.ts'
import { AppError } from '../../base/errors.ts'
import { findResource } from '../../catalogue/catalogue.ts'
import { currentCatalogue } from '../../catalogue/catalogue-store.ts'
import {
  addResourceServer,
  rotateResourceServerSecret,
} from '../../clients/resource-servers/resource-servers.ts'
import type { Config } from '../../config/config.ts'
import type { Database } from '../../storage/database.ts'

/** Development only: the notes MCP server beside this one, behind the guard, with credentials of its own. */
const ID = 'example-notes'
const MAIN = fileURLToPath(new URL('../../../examples/notes-server/main.ts', import.meta.url))

export type ExampleServer = { resource: string; stop(): void }

async function freshCredentials(db: Database['knex'], audit: AuditLog, resource: string) {
  const origin = { actor: SERVER, reason: 'development' }
  return rotateResourceServerSecret({ db, audit }, ID, origin).catch((error) => {
    if (error instanceof AppError && error.code === 'not_found')
      return addResourceServer({ db, audit }, { id: ID, resource }, origin)
    throw error
  })
}

function run(
  config: Config,
  credentials: { client_id: string; client_secret: string; resource: string },
): ChildProcess {
  const { client_id, client_secret, resource } = credentials
  return spawn(process.execPath, [MAIN], {
    // Its standard input closes when this process ends, however it ends; then it ends too.
    stdio: ['pipe', 'ignore', 'inherit'],
    env: {
      NOTES_PORT: String(config.example_server.port),
      NOTES_RESOURCE: resource,
      NOTES_ISSUER: config.issuer,
      NOTES_CLIENT_ID: client_id,
      NOTES_CLIENT_SECRET: client_secret,
      NOTES_EXIT_WITH_PARENT: '1',
    },
  })
}

/** Starts the example when it is there and the catalogue has its resource; undefined otherwise, with the reason logged. */
export async function startExampleServer(
  config: Config,
  { db, audit, log }: { db: Database['knex']; audit: AuditLog; log: Logger },
): Promise<ExampleServer | undefined> {
  if (!config.example_server.enabled || !existsSync(MAIN)) return undefined
  const resource = `http://localhost:${config.example_server.port}/mcp`
  const current = await currentCatalogue(db)
  if (!current || !findResource(current.catalogue, resource)) {
    log.info(`the example MCP server is not started: the catalogue has no resource ${resource}`)
    return undefined
  }
  const child = run(config, await freshCredentials(db, audit, resource))
  child.on('exit', (code) => code && log.warn({ code }, 'the example MCP server ended'))
  return { resource, stop: () => void child.kill('SIGTERM') }
}
