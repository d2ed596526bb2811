import type { Knex } from 'knex'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { eventOfRow, type StoredRow } from '../query/audit-store.ts'
import { RARE } from '../query/search-path-store.ts'
import type { KnownAccount, KnownGrant, KnownToken } from './verdict.ts'

/** SQL of what is known now about the token, grant and account of an event. */

export async function findKnownToken(db: Knex, token_id: string): Promise<KnownToken | undefined> {
  const id = Buffer.from(token_id, 'base64url')
  const { rows } = await db.raw<{ rows: KnownToken[] }>(
    `select 'access_token' as kind, grant_id, expires_at, expires_at <= now() as expired, resource, scope
     from access_tokens where id = :id
     union all
     select 'refresh_token', grant_id, expires_at, expires_at <= now(), null, null
     from refresh_tokens where id = :id`,
    { id },
  )
  return rows[0]
}

export async function findKnownGrant(db: Knex, id: string): Promise<KnownGrant | undefined> {
  return db('grants')
    .where({ id })
    .first(
      'id',
      'account_id',
      'client_id',
      'resource',
      'scope',
      'scope_versions',
      db.raw('expires_at <= now() as expired'),
    )
}

export async function findKnownAccount(db: Knex, id: string): Promise<KnownAccount | undefined> {
  return db('accounts')
    .where({ id })
    .first('id', 'username', 'roles', db.raw('disabled_at is not null as disabled'))
}

/** The event that revoked this token; else the last one that revoked the grant or something of it. */
export async function findEnd(
  db: Knex,
  grant_id: string,
  token_id: string | null,
): Promise<AuditRow | undefined> {
  const rows: StoredRow[] = await db('audit_events')
    .where({ grant_id })
    .whereRaw(RARE)
    .whereRaw(`type ~ '[.](revoked|reused)$'`)
    .orderByRaw('(token_id is not distinct from ?) desc, occurred_at desc, seq desc', [token_id])
    .limit(1)
  return rows.map(eventOfRow)[0]
}
