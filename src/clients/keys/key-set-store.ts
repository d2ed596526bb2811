import type { Knex } from 'knex'
import type { PublicKey } from './key-set.ts'

/** The last good copy of each key set that a client publishes at its `jwks_uri`. */
export type StoredKeySet = {
  keys: PublicKey[] | null
  fresh: boolean
  /** It was not asked for within the last seconds, so it may be. */
  may_ask: boolean
}

export async function findKeySet(db: Knex, jwks_uri: string): Promise<StoredKeySet | undefined> {
  return db('client_key_sets')
    .where({ jwks_uri })
    .first('keys', db.raw('fresh_until > now() as fresh'), db.raw('ask_again_at <= now() as may_ask'))
}

export async function keepKeySet(
  db: Knex,
  row: { jwks_uri: string; keys: PublicKey[]; fresh_for_seconds: number; ask_again_seconds: number },
): Promise<void> {
  await db.raw(
    `insert into client_key_sets (jwks_uri, keys, fetched_at, fresh_until, ask_again_at)
     values (?, ?, now(), now() + make_interval(secs => ?), now() + make_interval(secs => ?))
     on conflict (jwks_uri) do update set
       keys = excluded.keys, fetched_at = excluded.fetched_at, fresh_until = excluded.fresh_until,
       ask_again_at = excluded.ask_again_at, failure = null`,
    [row.jwks_uri, JSON.stringify(row.keys), row.fresh_for_seconds, row.ask_again_seconds],
  )
}

/** Remembers a failure, so that it is not asked for again at once; good keys stay. */
export async function keepKeySetFailure(
  db: Knex,
  row: { jwks_uri: string; failure: string; ask_again_seconds: number },
): Promise<void> {
  await db.raw(
    `insert into client_key_sets (jwks_uri, failure, ask_again_at)
     values (?, ?, now() + make_interval(secs => ?))
     on conflict (jwks_uri) do update set failure = excluded.failure, ask_again_at = excluded.ask_again_at`,
    [row.jwks_uri, row.failure, row.ask_again_seconds],
  )
}
