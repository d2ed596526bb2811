import type { Knex } from 'knex'
import type pg from 'pg'
import { runPrepared } from '../storage/prepared.ts'
import { beginWith } from '../storage/wire.ts'
import type { AccessTokenRow, FoundRefreshToken, StoredPayload } from './token-store.ts'

/**
 * SQL of refresh token rotation, for many families in one statement. Nothing here waits for another transaction:
 * a family that somebody holds is left out, and asked for again later.
 */
export type RefreshState = {
  /** 0 when no catalogue was ever applied. */
  catalogue_version: number
  token: (FoundRefreshToken & { grant_id: string }) | undefined
  /** Of the grant that owns the token; undefined when it has expired. */
  grant_payload: StoredPayload | undefined
  /** Whom the token is for; undefined when the account is disabled. */
  account: { id: string; roles: string[] } | undefined
  /** Of the client that the token was issued to; undefined when it is gone or blocked. */
  client: { id: string; metadata: StoredPayload } | undefined
}

// Laterals with a limit, so that no statistics can turn a few lookups by key into the scan of a table.
const STATES = {
  name: 'refresh-states',
  text: `
select v.version as catalogue_version, r.grant_id, r.payload, r.sealed_response,
       r.expires_at <= now() as expired, r.consumed_at is not null as consumed,
       extract(epoch from clock_timestamp() - r.consumed_at)::float8 as consumed_seconds_ago,
       g.payload as grant_payload, a.id as account_id, to_json(a.roles) as roles,
       r.payload->>'clientId' as client_id, c.metadata
from unnest($1::bytea[]) with ordinality as asked(id, n)
cross join (select coalesce(max(version), 0) as version from catalogue_versions) v
left join lateral (select * from refresh_tokens where id = asked.id limit 1) r on true
left join lateral (select payload from grants where id = r.grant_id and expires_at > now() limit 1) g on true
left join lateral (select id, roles from accounts
                   where id = r.payload->>'accountId' and disabled_at is null limit 1) a on true
left join lateral (select known.metadata
                   from (select metadata from clients where id = r.payload->>'clientId'
                         union all
                         select metadata from metadata_documents where client_id = r.payload->>'clientId') known
                   where (select b.client_id from blocked_clients b where b.client_id = r.payload->>'clientId') is null
                   limit 1) c on true
order by asked.n`,
}

type StateRow = Omit<FoundRefreshToken, 'payload'> & {
  catalogue_version: number
  grant_id: string | null
  payload: StoredPayload
  grant_payload: StoredPayload | null
  account_id: string | null
  roles: string[]
  client_id: string
  metadata: StoredPayload | null
}

function toState(row: StateRow): RefreshState {
  const { catalogue_version, grant_id, grant_payload, account_id, roles, client_id, metadata } = row
  const { payload, expired, consumed, consumed_seconds_ago, sealed_response } = row
  return {
    catalogue_version,
    token:
      grant_id === null
        ? undefined
        : { grant_id, payload, expired, consumed, consumed_seconds_ago, sealed_response },
    grant_payload: grant_payload ?? undefined,
    account: account_id === null ? undefined : { id: account_id, roles },
    client: metadata ? { id: client_id, metadata } : undefined,
  }
}

/** Everything that a refresh is decided by, of each token in the order asked, as it stands in one snapshot. */
export async function readRefreshStates(db: Knex, token_ids: readonly Buffer[]): Promise<RefreshState[]> {
  return (await runPrepared<StateRow>(db, STATES, [token_ids])).map(toState)
}

/** A rotation that was decided on: what is spent, and the rows of what is issued for it. */
export type PreparedRotation = {
  /** SHA-256 of the refresh token that is spent. */
  id: Buffer
  grant_id: string
  sealed_response: Buffer
  refresh_token: { id: Buffer; payload: StoredPayload; ttl_seconds: number }
  access_token: Omit<AccessTokenRow, 'grant_id'> & { ttl_seconds: number }
}

// The lock on the grant comes first, as everywhere, so that rotation and revocation of a family exclude each other.
// The compare-and-set behind it sees what was committed until then, and only what it spent has a successor.
// `any` says the same as the join, and leaves the planner no choice but to look up by key.
const ROTATE = {
  name: 'rotate-refresh-tokens',
  text: `
with asked as materialized (
  select * from unnest($1::bytea[], $2::text[], $3::bytea[], $4::bytea[], $5::jsonb[], $6::float8[], $7::bytea[],
                       $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::float8[])
    as a(id, grant_id, sealed_response, next_id, next_payload, next_ttl, access_id,
         account_id, client_id, resource, scope, gty, access_ttl)
), held as materialized (
  select id from grants where id = any($2::text[]) order by id for update skip locked
), spent as (
  update refresh_tokens r set consumed_at = clock_timestamp(), sealed_response = asked.sealed_response
  from asked join held on held.id = asked.grant_id
  where r.id = any($1::bytea[]) and r.id = asked.id and r.grant_id = asked.grant_id and r.consumed_at is null
  returning asked.*
), successors as (
  insert into refresh_tokens (id, grant_id, payload, expires_at)
  select next_id, grant_id, next_payload, now() + make_interval(secs => next_ttl) from spent
), access as (
  insert into access_tokens (id, grant_id, account_id, client_id, resource, scope, gty, expires_at)
  select access_id, grant_id, account_id, client_id, resource, scope, gty,
         now() + make_interval(secs => access_ttl) from spent
)
select id from spent`,
}

/**
 * Begins a transaction, spends the tokens and inserts their successors; each family is held until it ends. Answers for each
 * rotation, in order, whether it was done: not when the token was spent or is gone, nor when somebody holds the family.
 */
export async function rotateRefreshTokens(
  connection: pg.ClientBase,
  rotations: readonly PreparedRotation[],
): Promise<boolean[]> {
  const column = <T>(pick: (rotation: PreparedRotation) => T): T[] => rotations.map(pick)
  const rows = await beginWith<{ id: Buffer }>(connection, ROTATE, [
    column(({ id }) => id),
    column(({ grant_id }) => grant_id),
    column(({ sealed_response }) => sealed_response),
    column(({ refresh_token }) => refresh_token.id),
    column(({ refresh_token }) => JSON.stringify(refresh_token.payload)),
    column(({ refresh_token }) => refresh_token.ttl_seconds),
    column(({ access_token }) => access_token.id),
    column(({ access_token }) => access_token.account_id),
    column(({ access_token }) => access_token.client_id),
    column(({ access_token }) => access_token.resource),
    column(({ access_token }) => access_token.scope),
    column(({ access_token }) => access_token.gty ?? null),
    column(({ access_token }) => access_token.ttl_seconds),
  ])
  const spent = new Set(rows.map(({ id }) => id.toString('hex')))
  return rotations.map(({ id }) => spent.has(id.toString('hex')))
}
