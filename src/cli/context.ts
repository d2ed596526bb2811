import { hostname, userInfo } from 'node:os'
import type { ActionContext } from '../actions/action.ts'
import type { Evidence } from '../audit/integrity/archive/evidence.ts'
import { checkpointEvidence } from '../audit/integrity/checkpoints/checkpoint-evidence.ts'
import { loadCheckpointKey } from '../audit/integrity/checkpoints/checkpoint-key.ts'
import type { AuditLog } from '../audit/log/audit-log.ts'
import type { Actor } from '../audit-chain/actor.ts'
import { loadConfig } from '../config/config.ts'
import { openWithAudit } from '../main/installation.ts'
import type { Database } from '../storage/database.ts'
import { assertMigrated } from '../storage/migrate.ts'

/** What a command works with: the installation's database and an audit log that records what the command does. */
export type CliContext = {
  db: Database['knex']
  knex: Database['knex']
  audit: AuditLog
  /** Signs, checks and publishes what is said about the log. */
  evidence?: Evidence
  close(): Promise<void>
}

/** What the audit commands need of an open installation. */
export type AuditCliContext = {
  knex: Database['knex']
  audit: Pick<AuditLog, 'appendIn'>
  evidence?: Evidence | undefined
  close(): Promise<void>
}

export type OpenContext = () => Promise<CliContext>

/** The same with what actions of operators want to know of the configuration. */
export type ActionCliContext = CliContext &
  Pick<ActionContext, 'issuer' | 'catalogue_file' | 'checkpoint_interval_seconds'>

/** Who did it, in the audit log, when it was done from the command line. */
export const ACTOR: Actor = { kind: 'cli', id: `${userName()}@${hostname()}` }

/** In a container the user often has a number only. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`
  }
}

/** Opens the installation that the environment describes. Throws when its schema is not this version's. */
export function openContext(): Promise<ActionCliContext> {
  return openWith({ application_name: 'toolgate-cli' })
}

/**
 * The same for commands about the log, which read or move whole months and sign: their statements may take as long as
 * they need, and there is the audit key.
 */
export async function openAuditContext(): Promise<CliContext & { evidence: Evidence }> {
  const { issuer, audit, database } = loadConfig()
  const context = await openWith({ application_name: 'toolgate-cli', statement_timeout_ms: 0 })
  const key = () => loadCheckpointKey({ audit_key: audit.key, data_dir: database.data_dir })
  // The output of a command is its result; the closing stays in the table.
  const sinks = audit.checkpoint_sinks.filter((place) => place !== 'stdout')
  const evidence = checkpointEvidence({ db: context.knex, issuer, key, sinks })
  return { ...context, evidence }
}

async function openWith(options: Parameters<typeof openWithAudit>[1]): Promise<ActionCliContext> {
  const config = loadConfig()
  const { database, audit, close } = await openWithAudit(config, options)
  try {
    await assertMigrated(database.knex)
  } catch (error) {
    await close()
    throw error
  }
  const { issuer, catalogue_file } = config
  const { checkpoint_interval_seconds } = config.audit
  const settings = { issuer, catalogue_file, checkpoint_interval_seconds }
  return { db: database.knex, knex: database.knex, audit, ...settings, close }
}

/** What the commands need that only read. */
export type ReadingContext = { knex: Database['knex']; close(): Promise<void> }

export type OpenReading = () => Promise<ReadingContext>

/** Whether the environment names a database; without, commands open the private one. */
export function isDatabaseConfigured(): boolean {
  return loadConfig().database.url !== undefined
}

/** Runs `work` with an open context and closes it, whatever happens. */
export async function withContext<T, Context extends Pick<CliContext, 'close'>>(
  open: () => Promise<Context>,
  work: (context: Context) => Promise<T>,
): Promise<T> {
  const context = await open()
  try {
    return await work(context)
  } finally {
    await context.close()
  }
}
