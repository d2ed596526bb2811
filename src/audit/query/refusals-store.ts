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

/** Whoever is refused more often than this within minutes asks for no call of its own. */
const REFUSALS_LOOKED_AT = 1_000

export type RefusedClient = { account_id: string; client_id: string; resource: string }

/**
 * The scopes for want of which this client was refused a call for this account within the last `minutes`, by the server
 * itself: what a resource server reports that it decided is its word, and ticks nothing beforehand.
 */
export async function scopesRefused(
  db: Knex,
  { minutes, ...refused }: RefusedClient & { minutes: number },
): Promise<string[]> {
  const { rows } = await db.raw<{ rows: { needed: string }[] }>(
    `select distinct needed from (
       select detail->>'needed' as needed from audit_events
       where type = 'tool.decided' and decision = 'denied'
         and account_id >= :account_id and account_id <= :account_id
         and occurred_at >= now() - make_interval(mins => :minutes)
         and client_id = :client_id and resource = :resource and detail->>'source' is null
       order by account_id desc, occurred_at desc limit :limit) newest
     where needed <> ''`,
    { ...refused, minutes, limit: REFUSALS_LOOKED_AT },
  )
  return rows.map(({ needed }) => needed)
}
