import { Announcer } from '../audit/live/announcer.ts'
import { AuditLog } from '../audit/log/audit-log.ts'
import type { Config } from '../config/config.ts'
import { type Database, openDatabase } from '../storage/database.ts'
import { startEmbeddedPostgres } from '../storage/embedded-postgres/embedded-postgres.ts'

/** The database of an installation, for the server and for every command: the one configured, or the private one. */
export type Installation = { url: string; embedded: boolean; database: Database; close(): Promise<void> }

type OpenOptions = {
  application_name: string
  log?: (message: string) => void
  statement_timeout_ms?: number
}

async function postgresOf(config: Config, log?: (message: string) => void) {
  if (config.database.url !== undefined)
    return { url: config.database.url, embedded: false, stop: async () => undefined }
  const { url, stop } = await startEmbeddedPostgres({
    data_dir: config.database.data_dir,
    ...(log ? { log } : {}),
  })
  return { url, embedded: true, stop }
}

/** Opens the database; starts the private Postgres, or joins the one that runs, when no URL is configured. */
export async function openInstallation(config: Config, options: OpenOptions): Promise<Installation> {
  const { url, embedded, stop } = await postgresOf(config, options.log)
  const { log: _, ...rest } = options
  const database = openDatabase({ url, pool_max: config.database.pool_max, ...rest })
  return {
    url,
    embedded,
    database,
    async close() {
      await database.close()
      await stop()
    },
  }
}

/** An installation with an audit log of its own, as commands use it. */
export async function openWithAudit(
  config: Config,
  options: OpenOptions,
): Promise<Installation & { audit: AuditLog }> {
  const installation = await openInstallation(config, options)
  const { hot, knex } = installation.database
  const audit = new AuditLog(hot, { announcer: new Announcer(knex) })
  return {
    ...installation,
    audit,
    async close() {
      await audit.close()
      await installation.close()
    },
  }
}
