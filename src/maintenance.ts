import type { Logger } from 'pino'
import { createAuditPartitions, summariseAuditIds } from './audit/partition-store.ts'
import type { Config } from './config.ts'
import type { Database } from './storage/database.ts'
import { sweepExpired, wipeSealedResponses } from './storage/sweep.ts'

/** What must happen again and again while a server runs. Instances may do it at the same time. */
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const MONTHS_AHEAD = 12

/** Starts the timers; they never keep the process alive. Call the result to stop them. */
export function startMaintenance(config: Config, { knex }: Database, log: Logger): () => void {
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
    every(HOUR_MS, 'sweep expired rows', () => sweepExpired(knex)),
    every(HOUR_MS, 'create audit partitions', () => createAuditPartitions(knex, MONTHS_AHEAD)),
    every(HOUR_MS, 'summarise audit ids', () => summariseAuditIds(knex)),
  ]
  return () => {
    for (const timer of timers) clearInterval(timer)
  }
}
