import type { Knex } from 'knex'
import { columnsOf } from '../../storage/prepared.ts'
import type { ResourceServerSession } from '../introspection/resource-server-session.ts'
import type { KnownCall } from './report-event.ts'

/** SQL of reports. All of it runs in the transaction that also takes their audit events. */

/** The database's clock; and the places of those that still are who they proved to be, and are not removed meanwhile. */
export async function beginTaking(
  trx: Knex.Transaction,
  servers: readonly ResourceServerSession[],
): Promise<{ now_ms: number; standing: Set<number> }> {
  const { rows } = await trx.raw<{ rows: { n: number | null; now_ms: number }[] }>(
    `with standing as (
       select s.n from resource_servers rs
       join unnest(?::text[], ?::bytea[], ?::text[]) with ordinality as s(id, credential_hash, resource, n)
         on s.id = rs.id and s.credential_hash = rs.credential_hash and s.resource = rs.resource
       for key share of rs)
     select standing.n::int - 1 as n, (extract(epoch from now()) * 1000)::float8 as now_ms
     from (select 1) one left join standing on true`,
    columnsOf(servers, 'id', 'credential_hash', 'resource') as Knex.RawBinding[],
  )
  return { now_ms: rows[0]?.now_ms ?? Number.NaN, standing: new Set(rows.flatMap(({ n }) => n ?? [])) }
}

export type ReportKey = { resource_server_id: string; id: string }

/** Remembers these ids; answers those that were not known. In one order, so that two that take the same never deadlock. */
export async function insertNew(trx: Knex.Transaction, keys: readonly ReportKey[]): Promise<Set<string>> {
  const { rows } = await trx.raw<{ rows: ReportKey[] }>(
    `insert into resource_server_reports (resource_server_id, id)
     select server, report from unnest(?::text[], ?::uuid[]) as r(server, report) order by server, report
     on conflict do nothing returning resource_server_id, id`,
    columnsOf(keys, 'resource_server_id', 'id') as Knex.RawBinding[],
  )
  return new Set(rows.map(nameOf))
}

export function nameOf({ resource_server_id, id }: ReportKey): string {
  return `${resource_server_id} ${id}`
}

export type Stated = { resource: string; sub: string; client_id: string; token_id?: string | undefined }

/**
 * Whose these calls were, in the same order: by the token, where it is still here and was issued for this resource; else by
 * the grants of this person, to this client, for this resource. A token of another resource is no better than none.
 */
export async function findKnownCalls(
  trx: Knex.Transaction,
  stated: readonly Stated[],
): Promise<(KnownCall | undefined)[]> {
  type Row = {
    account_id: string | null
    client_id: string
    grant_id: string | null
    token_id: Buffer | null
  }
  const { rows } = await trx.raw<{ rows: Row[] }>(
    `select coalesce(t.account_id, g.account_id) as account_id, coalesce(t.client_id, g.client_id) as client_id,
            coalesce(t.grant_id, g.grant_id) as grant_id, t.id as token_id
     from unnest(?::text[], ?::text[], ?::text[], ?::bytea[])
          with ordinality as s(resource, sub, client_id, token_id, n)
     left join access_tokens t on t.id = s.token_id and t.resource = s.resource
     left join lateral (
       select g.account_id, g.client_id, case when count(*) = 1 then min(g.id) end as grant_id from grants g
       where t.id is null and g.account_id = s.sub and g.client_id = s.client_id and g.resource = s.resource
       group by g.account_id, g.client_id) g on true
     order by s.n`,
    [
      stated.map(({ resource }) => resource),
      stated.map(({ sub }) => sub),
      stated.map(({ client_id }) => client_id),
      stated.map(({ token_id }) => (token_id === undefined ? null : Buffer.from(token_id, 'base64url'))),
    ] as Knex.RawBinding[],
  )
  return rows.map(({ account_id, client_id, grant_id, token_id }) =>
    account_id === null
      ? undefined
      : {
          account_id,
          client_id,
          grant_id: grant_id ?? undefined,
          // Not as it was sent: the last of its characters has bits that say nothing.
          token_id: token_id?.toString('base64url'),
        },
  )
}
