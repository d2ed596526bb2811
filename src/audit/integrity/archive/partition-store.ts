import type { Knex } from 'knex'
import type { AuditRow } from '../../../audit-chain/hash-chain.ts'
import { AppError } from '../../../base/errors.ts'
import { eventOfRow, type StoredRow } from '../../query/audit-store.ts'
import type { MonthVerifier } from '../verification/month-verifier.ts'

/** A month of audit_events; the default partition has no bounds. */
export type AuditPartition = {
  name: string
  starts_at: Date | null
  ends_at: Date | null
  rows_estimated: number
  bytes: number
}

export type Month = { name: string; starts_at: Date; ends_at: Date }

/** Creates the monthly partitions of audit_events from this month to `months_ahead`. Returns how many are new. */
export async function createAuditPartitions(db: Knex, months_ahead: number): Promise<number> {
  const { rows } = await db.raw('select toolgate_create_audit_partitions(?) as created', [months_ahead])
  return rows[0]?.created ?? 0
}

/** Takes newly filled pages into the index that finds any event by its id. Returns how many ranges are new. */
export async function summariseAuditIds(db: Knex): Promise<number> {
  const { rows } = await db.raw('select toolgate_summarise_audit_ids() as summarised')
  return Number(rows[0]?.summarised ?? 0)
}

/** Moves the rows of the default partition into partitions of their months. Returns how many. */
export async function settleDefaultPartition(db: Knex): Promise<number> {
  const { rows } = await db.raw('select toolgate_settle_audit_default() as moved')
  return Number(rows[0]?.moved ?? 0)
}

/** Oldest first; the default partition last. */
export async function listPartitions(db: Knex): Promise<AuditPartition[]> {
  const { rows } = await db.raw(
    `select name, starts_at, ends_at, rows_estimated::float8, bytes::float8
     from toolgate_audit_partitions() order by ends_at nulls last, name`,
  )
  return rows
}

/**
 * Months that ended `months` months before this one began, by the database's clock; oldest first. With 0, all that
 * ended a day ago or more: before that, a writer whose clock is late may still add to them.
 */
export async function finishedMonths(db: Knex, months: number): Promise<Month[]> {
  const { rows } = await db.raw(
    `select name, starts_at, ends_at from toolgate_audit_partitions()
     where name ~ '^audit_events_[0-9]{4,}_[0-9]{2}$' and ends_at <= now() - interval '1 day'
       and ends_at <= (date_trunc('month', now() at time zone 'UTC') - make_interval(months => ?)) at time zone 'UTC'
     order by ends_at, name`,
    [months],
  )
  return rows
}

/** Whether this role may drop partitions, which only their owner may. */
export async function mayDropPartitions(db: Knex): Promise<boolean> {
  const { rows } = await db.raw(
    `select pg_has_role(relowner, 'USAGE') as may from pg_class where oid = 'audit_events'::regclass`,
  )
  return rows[0]?.may === true
}

const LIFE_LOCK = 'toolgate_audit_life'

/**
 * Makes `trx` the only one that archives, drops or imports, and lets it take as long as it needs. Throws `unavailable` when
 * there is another.
 */
export async function claimPartitions(trx: Knex.Transaction): Promise<void> {
  await trx.raw('set local statement_timeout = 0')
  await trx.raw('set local idle_in_transaction_session_timeout = 0')
  const { rows } = await trx.raw('select pg_try_advisory_xact_lock(hashtext(?)) as mine', [LIFE_LOCK])
  if (rows[0]?.mine !== true)
    throw new AppError(
      'unavailable',
      'The audit log is being archived, shortened or added to already; try again later',
    )
}

const PAGE_ROWS = 2_000

/**
 * Every row of a partition, ordered by writer and seq, in pages, as of one moment, each checked before it is given. Throws
 * `conflict` at the end when they are not whole: what is made of them would only look like evidence.
 */
export async function* readPartition(
  trx: Knex.Transaction,
  name: string,
  verifier: MonthVerifier,
): AsyncGenerator<AuditRow[]> {
  // Sorting all rows before the first is given takes as long as reading them; the primary key has the order.
  await trx.raw('set local enable_sort = off')
  await trx.raw(
    'declare partition_rows no scroll cursor for select * from ?? order by writer_id, seq, occurred_at',
    [name],
  )
  for (;;) {
    const { rows }: { rows: StoredRow[] } = await trx.raw(`fetch ${PAGE_ROWS} from partition_rows`)
    const page = rows.map(eventOfRow)
    for (const row of page) verifier.feedRow(row)
    if (page.length > 0) yield page
    if (page.length < PAGE_ROWS) break
  }
  await trx.raw('close partition_rows')
  const [fault] = verifier.faults
  if (fault)
    throw new AppError(
      'conflict',
      `${name} is not whole (writer ${fault.writer_id}: ${fault.message}), so it is left as it is; \`toolgate audit verify\` says more`,
    )
}

/** Nobody adds rows to this partition until `trx` ends; those who write to other months do not notice. */
export async function lockPartition(trx: Knex.Transaction, name: string): Promise<void> {
  await trx.raw('lock table ?? in share row exclusive mode', [name])
}

const LOCK_NOT_AVAILABLE = '55P03'

/**
 * Drops the partition within `trx`; answers false when those who use the log did not make way soon enough. They wait
 * behind this attempt, so it is short. From a successful one on they wait until `trx` ends.
 */
export async function tryDropPartition(trx: Knex.Transaction, name: string): Promise<boolean> {
  await trx.raw('savepoint before_drop')
  await trx.raw(`set local lock_timeout = '200ms'`)
  try {
    await trx.raw('lock table only audit_events, only audit_events_default in access exclusive mode')
    await trx.raw('drop table ??', [name])
    return true
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE)) throw error
    await trx.raw('rollback to savepoint before_drop')
    return false
  }
}
