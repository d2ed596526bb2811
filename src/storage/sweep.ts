import type { Knex } from 'knex'

/** Everything that may be deleted, by the database's clock. Grants take their tokens with them. */
const EXPIRED = [
  ['grants', 'id', 'expires_at <= now()'],
  ['authorization_codes', 'id', "expires_at <= now() - interval '1 hour'"],
  ['access_tokens', 'id', 'expires_at <= now()'],
  // A consumed refresh token is kept for a week: presented again, it reveals a theft.
  ['refresh_tokens', 'id', "expires_at <= now() or consumed_at <= now() - interval '7 days'"],
  // A grant whose code was never redeemed, or whose last refresh token expired, opens nothing any more.
  [
    'grants',
    'id',
    `created_at <= now() - interval '1 hour'
       and not exists (select 1 from authorization_codes c where c.grant_id = grants.id)
       and not exists (select 1 from refresh_tokens r where r.grant_id = grants.id)
       and not exists (select 1 from access_tokens t where t.grant_id = grants.id)`,
  ],
  // Registered and never connected. A client that was ever used is kept: people's apps remember it for years.
  [
    'clients',
    'id',
    "used_at is null and origin = 'registration' and created_at <= now() - interval '7 days'",
  ],
  // Failures are a negative cache; copies stay while a grant may need them, and a month for whoever comes back.
  ['metadata_documents', 'client_id', "metadata is null and fresh_until <= now() - interval '1 hour'"],
  [
    'metadata_documents',
    'client_id',
    `fresh_until <= now() - interval '30 days'
       and not exists (select 1 from grants where grants.client_id = metadata_documents.client_id)`,
  ],
  ['client_key_sets', 'jwks_uri', "keys is null and ask_again_at <= now() - interval '1 hour'"],
  ['client_key_sets', 'jwks_uri', "fresh_until <= now() - interval '90 days'"],
  ['oidc_payloads', '(model, id)', 'expires_at <= now()'],
  ['page_sessions', 'id', 'expires_at <= now()'],
  ['login_attempts', 'key', 'window_ends_at <= now()'],
  // What is older is refused for its age: src/api/reports/intake.ts.
  ['resource_server_reports', '(resource_server_id, id)', "taken_at <= now() - interval '7 days'"],
  ['usage_hours', '(hour, resource, tool, decision)', "hour <= now() - interval '90 days'"],
] as const

const CHUNK = 2_000

/** Deletes expired rows in chunks, skipping rows that somebody holds. Returns how many went. */
export async function sweepExpired(db: Knex): Promise<number> {
  let total = 0
  for (const [table, key, condition] of EXPIRED) {
    for (;;) {
      const columns = key.replace(/[()]/g, '')
      const { rowCount } = await db.raw(
        `delete from ${table} where ${key} in
           (select ${columns} from ${table} where ${condition} limit ${CHUNK} for update skip locked)`,
      )
      total += rowCount
      if (rowCount < CHUNK) break
    }
  }
  return total
}

/**
 * Forgets sealed token responses once their grace is over; they are of no use to anyone afterwards. Rows that
 * somebody holds are left for the next time: waiting for them could be a deadlock with a revocation.
 */
export async function wipeSealedResponses(db: Knex, grace_seconds: number): Promise<void> {
  await db.raw(
    `update refresh_tokens set sealed_response = null where id in
       (select id from refresh_tokens
        where sealed_response is not null and consumed_at < now() - make_interval(secs => ?)
        for update skip locked)`,
    [grace_seconds + 5],
  )
}
