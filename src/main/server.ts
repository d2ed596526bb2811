import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { checkpointEvidence } from '../audit/integrity/checkpoints/checkpoint-evidence.ts'
import { type CheckpointKey, loadCheckpointKey } from '../audit/integrity/checkpoints/checkpoint-key.ts'
import { startCheckpoints } from '../audit/integrity/checkpoints/checkpoint-schedule.ts'
import { readableSinks } from '../audit/integrity/restore/kept-checkpoint.ts'
import { assertNotOlder } from '../audit/integrity/restore/table-age.ts'
import { loadKeys } from '../authorization-server/keys.ts'
import { AppError } from '../base/errors.ts'
import type { Config } from '../config/config.ts'
import { claimServer } from '../storage/embedded-postgres/embedded-postgres.ts'
import { assertMigrated, migrateUp, migrationStatus } from '../storage/migrate.ts'
import { databaseRole } from '../storage/server-role.ts'
import { type App, createApp } from './app.ts'
import { type Installation, openInstallation } from './installation.ts'
import { prepareAuditPartitions, startMaintenance } from './maintenance.ts'

/** A server from configuration to open port, and back: drain, close the log, leave the database. */
export type RunningServer = { app: App; installation: Installation; port: number; close(): Promise<void> }

const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 15_000
const KEEP_ALIVE_TIMEOUT_MS = 65_000
const DRAIN_MS = 10_000

function httpServer(listener: RequestListener): Server {
  const server = createServer(listener)
  server.headersTimeout = HEADERS_TIMEOUT_MS
  server.requestTimeout = REQUEST_TIMEOUT_MS
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS
  return server
}

function listen(server: Server, { host, port }: Config['http']): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })
}

/** Stops accepting, lets requests under way finish, then cuts what is left after DRAIN_MS. */
function drain(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}

export type ServerHooks = {
  /** Runs when the database is migrated, before the port opens. */
  prepare?(installation: Installation, app: App): Promise<void>
}

/** Development migrates by itself; production refuses to serve on a schema that is not this version's. */
async function bringSchemaUp(config: Config, { database: { knex } }: Installation): Promise<void> {
  // Where nothing is pending, the role need not be one that could migrate.
  const may_migrate = config.environment !== 'production'
  if (may_migrate && (await migrationStatus(knex)).pending.length > 0) await migrateUp(knex)
  else await assertMigrated(knex)
}

/** Says whether this server could change the audit log. Throws `unavailable` when it may not do what it needs. */
async function checkRole(config: Config, { database: { knex } }: Installation, log: Logger): Promise<void> {
  const { name: role, may_change_audit, lacks } = await databaseRole(knex)
  if (lacks.length > 0)
    throw new AppError(
      'unavailable',
      `The database role ${role} lacks ${lacks.join(', ')}: run \`toolgate migrate\` with TOOLGATE_DATABASE_SERVER_ROLE=${role}.`,
    )
  if (!may_change_audit) log.info({ role }, 'the database role may add to the audit log and not change it')
  else if (config.environment === 'production')
    log.warn(
      { role },
      'the database role of this server may change the audit log; run it as another role: TOOLGATE_DATABASE_SERVER_ROLE',
    )
  else log.info({ role }, 'the database role may change the audit log; production should have another')
}

/** What a restored backup brings back must not be served. Without anything outside to compare with, it says that. */
async function checkAge(
  { audit, environment }: Config,
  { database: { knex: db } }: Installation,
  { thumbprint }: CheckpointKey,
  log: Logger,
): Promise<void> {
  const sinks = audit.checkpoint_sinks
  if ((await assertNotOlder({ db, sinks, thumbprint })) === 'current') return
  const message =
    'no checkpoint is kept where this server can read it: it cannot tell whether a backup was restored; set TOOLGATE_AUDIT_CHECKPOINT_SINKS=file:<path>'
  const is_new = readableSinks(sinks).length > 0
  if (environment === 'production' && !is_new) log.warn(message)
  else log.info(message)
}

/** Starts what signs the audit log; to be ended after the log, so that the last checkpoint names its end. */
function startSigning(
  { issuer, audit: { checkpoint_interval_seconds: interval_seconds, checkpoint_sinks: sinks } }: Config,
  { database: { knex: db } }: Installation,
  { audit }: App,
  key: CheckpointKey,
  log: Logger,
) {
  return startCheckpoints({ db, key, issuer, audit, log, interval_seconds, sinks })
}

export async function startServer(
  config: Config,
  log: Logger,
  hooks: ServerHooks = {},
): Promise<RunningServer> {
  const { data_dir } = config.database
  const [installation, keys, checkpoint_key] = await Promise.all([
    openInstallation(config, { application_name: 'toolgate-server', log: (message) => log.info(message) }),
    loadKeys({ keys: config.keys, data_dir }),
    loadCheckpointKey({ audit_key: config.audit.key, data_dir }),
  ])
  const undo: (() => Promise<unknown>)[] = [() => installation.close()]
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    if (installation.embedded) {
      const claim = await claimServer(installation.url)
      undo.push(() => claim.release())
    }
    await bringSchemaUp(config, installation)
    await prepareAuditPartitions(installation.database.knex, log)
    await checkRole(config, installation, log)
    await checkAge(config, installation, checkpoint_key, log)
    const app = createApp({ config, keys, database: installation.database, log })
    const server = httpServer(app.listener)
    const checkpoints = startSigning(config, installation, app, checkpoint_key, log)
    undo.push(
      () => checkpoints.close(),
      () => app.close(() => drain(server)),
    )
    await hooks.prepare?.(installation, app)

    const evidence = checkpointEvidence({
      db: installation.database.knex,
      issuer: config.issuer,
      key: async () => checkpoint_key,
      sinks: config.audit.checkpoint_sinks,
    })
    const stopMaintenance = startMaintenance(config, installation.database, log, evidence, app)
    undo.push(async () => stopMaintenance())
    const port = await listen(server, config.http)
    return { app, installation, port, close }
  } catch (error) {
    await close()
    throw error
  }
}
