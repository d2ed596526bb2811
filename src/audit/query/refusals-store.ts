import type { Knex } from 'knex'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { typesThat } from '../events/audit-event.ts'
import { eventOfRow, type StoredRow } from './audit-store.ts'
import { RARE } from './search-path-store.ts'

/** Refusals that are rare enough to be looked at one by one. */
const REFUSAL_TYPES = typesThat(({ explain, is_frequent }) => explain !== undefined && !is_frequent)

/** The newest refusals of the last `hours` hours, by the index of rare types: as many steps for each type as rows. */
export async function newestRefusals(
  db: Knex,
  { hours, limit }: { hours: number; limit: number },
): Promise<AuditRow[]> {
  const { rows } = await db.raw<{ rows: StoredRow[] }>(
    `select newest.* from unnest(:types::text[]) as wanted(type) cross join lateral (
       select e.* from audit_events e
       where e.type >= wanted.type and e.type <= wanted.type and e.${RARE}
         and e.occurred_at >= now() - make_interval(hours => :hours)
       order by e.type desc, e.occurred_at desc limit :limit) newest
     order by newest.occurred_at desc, newest.writer_id, newest.seq desc limit :limit`,
    { types: [...REFUSAL_TYPES], hours, limit },
  )
  return rows.map(eventOfRow)
}
