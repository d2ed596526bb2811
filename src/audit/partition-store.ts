import type { Knex } from 'knex'

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
