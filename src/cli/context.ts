import { hostname, userInfo } from 'node:os'
import { OPERATOR_SCOPES } from '../accounts/operator-scopes.ts'
import type { ActionContext, Caller } from '../actions/action.ts'
import { builtIn } from '../api/operator-api/operator-resource.ts'
import type { Evidence } from '../audit/integrity/archive/evidence.ts'
import { checkpointEvidence } from '../audit/integrity/checkpoints/checkpoint-evidence.ts'
import { loadCheckpointKey } from '../audit/integrity/checkpoints/checkpoint-key.ts'
import { AppError } from '../base/errors.ts'
import { CatalogueCache } from '../catalogue/catalogue-store.ts'
import { loadConfig } from '../config/config.ts'
import { openWithAudit } from '../main/installation.ts'
import { assertMigrated } from '../storage/migrate.ts'

/** What a command works with: all that actions need, and an end. */
export type CliContext = ActionContext & { close(): Promise<void> }

/** For commands about the log. `evidence` signs, checks and publishes what is said about it. */
export type AuditCliContext = CliContext & { evidence: Evidence }

export type Open<Context = CliContext> = () => Promise<Context>

/** In a container the user often has a number only. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`
  }
}

/** Who can run commands on the machine may do everything. */
export const CALLER = {
  actor: { kind: 'cli', id: `${userName()}@${hostname()}` },
  scopes: new Set(OPERATOR_SCOPES),
} as const satisfies Caller

/** Opens the installation that the environment describes. Throws when its schema is not this version's. */
export function openContext(): Promise<CliContext> {
  return openWith({ application_name: 'toolgate-cli' })
}

/**
 * The same for commands about the log, which read or move whole months and sign: their statements may take as long as
 * they need, and there is the audit key.
 */
export async function openAuditContext(): Promise<AuditCliContext> {
  const { issuer, audit, database } = loadConfig()
  const context = await openWith({ application_name: 'toolgate-cli', statement_timeout_ms: 0 })
  const key = () => loadCheckpointKey({ audit_key: audit.key, data_dir: database.data_dir })
  // The output of a command is its result; the closing stays in the table.
  const sinks = audit.checkpoint_sinks.filter((place) => place !== 'stdout')
  return { ...context, evidence: checkpointEvidence({ db: context.db, issuer, key, sinks }) }
}

const UNREACHABLE = /^E(CONNREFUSED|CONNRESET|NOTFOUND|AI_AGAIN|HOSTUNREACH|TIMEDOUT)$/

async function openWith(options: Parameters<typeof openWithAudit>[1]): Promise<CliContext> {
  const config = loadConfig()
  const { database, audit, close } = await openWithAudit(config, options)
  const db = database.knex
  try {
    await assertMigrated(db)
  } catch (error) {
    await close()
    const { code = '', message } = error as NodeJS.ErrnoException
    if (!UNREACHABLE.test(code)) throw error
    throw new AppError(
      'unavailable',
      `The database of TOOLGATE_DATABASE_URL cannot be reached: ${message || code}`,
    )
  }
  const { issuer, catalogue_file, app_schemes } = config
  const { checkpoint_interval_seconds } = config.audit
  const catalogues = new CatalogueCache(builtIn(issuer))
  return { db, audit, catalogues, issuer, catalogue_file, app_schemes, checkpoint_interval_seconds, close }
}

/** Whether the environment names a database; without, commands open the private one. */
export function isDatabaseConfigured(): boolean {
  return loadConfig().database.url !== undefined
}

/** Runs `work` with an open context and closes it, whatever happens. */
export async function withContext<T, Context extends Pick<CliContext, 'close'>>(
  open: Open<Context>,
  work: (context: Context) => Promise<T>,
): Promise<T> {
  const context = await open()
  try {
    return await work(context)
  } finally {
    await context.close()
  }
}
