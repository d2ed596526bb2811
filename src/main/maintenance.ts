import type { Knex } from 'knex'
import type { Logger } from 'pino'
import type { Evidence } from '../audit/integrity/archive/evidence.ts'
import {
  createAuditPartitions,
  mayDropPartitions,
  settleDefaultPartition,
  summariseAuditIds,
} from '../audit/integrity/archive/partition-store.ts'
import { monthsToDrop, retain } from '../audit/integrity/archive/retention.ts'
import { AuditLog } from '../audit/log/audit-log.ts'
import { SERVER } from '../audit-chain/actor.ts'
import type { Config } from '../config/config.ts'
import { noticeExpiring } from '../personal-tokens/personal-access-tokens.ts'
import type { Database } from '../storage/database.ts'
import { sweepExpired, wipeSealedResponses } from '../storage/sweep.ts'
import type { App } from './app.ts'

/** What must happen again and again while a server runs. Instances may do it at the same time. */
const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
const MONTHS_AHEAD = 12

/**
 * Before the first event is written, because the timers run an hour later: an installation that stood still for a
 * year has no partition for today. Without it events are taken all the same.
 */
export async function prepareAuditPartitions(knex: Knex, log: Logger): Promise<void> {
  await createAuditPartitions(knex, MONTHS_AHEAD).catch((error) =>
    log.warn({ code: error?.code }, 'audit partitions were not created; it is tried again'),
  )
}

/**
 * Drops what is older than the configuration keeps. Does nothing, and says so once, where this role does not own the
 * table: then it is for `toolgate audit retain`, run as the owner.
 */
export function auditRetention(
  { audit: { retention_months: months, archive_dir: directory } }: Config,
  { knex, hot }: Database,
  log: Logger,
  evidence: Evidence,
): () => Promise<void> {
  let told = false
  return async () => {
    if (months === undefined) return
    if (!(await mayDropPartitions(knex))) {
      if (!told)
        log.warn('this role may not drop months of the audit log: run `toolgate audit retain` as their owner')
      told = true
      return
    }
    if ((await monthsToDrop(knex, months)).length === 0) return
    // A writer of its own: the others must not wait for one that waits for the table.
    const audit = new AuditLog(hot, { writers: 1 })
    try {
      const dropped = await retain(knex, audit, { months, directory, evidence, actor: SERVER })
      for (const month of dropped) log.info(month, 'a month of the audit log was dropped')
    } finally {
      await audit.close()
    }
  }
}

/** Every personal access token that expires soon, in steps of bounded size. */
async function noticeAllExpiring(db: Knex, audit: AuditLog): Promise<void> {
  while ((await noticeExpiring({ db, audit })) > 0);
}

/** Starts the timers; they never keep the process alive. Call the result to stop them. */
export function startMaintenance(
  config: Config,
  database: Database,
  log: Logger,
  evidence: Evidence,
  { audit, user_agents }: Pick<App, 'audit' | 'user_agents'>,
): () => void {
  const { knex } = database
  const every = (interval_ms: number, name: string, work: () => Promise<unknown>) => {
    const run = () => {
      work().catch((error) =>
        log.warn({ task: name, code: error?.code }, 'maintenance failed; it is tried again'),
      )
    }
    return setInterval(run, interval_ms).unref()
  }
  const timers = [
    every(MINUTE_MS, 'wipe sealed responses', () =>
      wipeSealedResponses(knex, config.tokens.refresh_grace_seconds),
    ),
    every(5 * SECOND_MS, 'write what personal tokens are used by', () => user_agents.flush()),
    every(HOUR_MS, 'notice expiring personal tokens', () => noticeAllExpiring(knex, audit)),
    every(HOUR_MS, 'sweep expired rows', () => sweepExpired(knex)),
    every(HOUR_MS, 'summarise audit ids', () => summariseAuditIds(knex)),
    every(HOUR_MS, 'create audit partitions', async () => {
      await createAuditPartitions(knex, MONTHS_AHEAD)
      await settleDefaultPartition(knex)
    }),
    every(HOUR_MS, 'drop old audit partitions', auditRetention(config, database, log, evidence)),
  ]
  return () => {
    for (const timer of timers) clearInterval(timer)
  }
}
