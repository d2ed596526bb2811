import type pg from 'pg'
import { BYTEA_OID, binaryArray, TEXT_OID } from '../storage/binary-array.ts'

/** One waiting question: which resource server asks about which token (by its SHA-256). */
export type LookupKey = { resource_server_id: string; token_id: Buffer | undefined }

/** Everything a decision needs, as it stood in one snapshot taken after the question arrived. */
export type LookupRow = {
  catalogue_version: number
  resource_server: { credential_hash: Buffer; resource: string } | undefined
  token: LiveToken | undefined
}

export type LiveToken = {
  client_id: string
  account_id: string
  username: string
  roles: string[]
  grant_id: string
  resource: string
  scope: string
  grant_scope: string
  iat: number
  exp: number
}

// Expired tokens, grants that are gone and disabled accounts all look like a token that never was.
const SQL = `
select v.version, rs.credential_hash, rs.resource as rs_resource,
       t.client_id, t.account_id, t.grant_id, t.resource, t.scope, g.scope as grant_scope,
       extract(epoch from t.issued_at)::int as iat, extract(epoch from t.expires_at)::int as exp,
       a.username, to_json(a.roles) as roles
from unnest($1::text[], $2::bytea[]) with ordinality as q(rs_id, token_id, n)
cross join (select coalesce(max(version), 0) as version from catalogue_versions) v
left join resource_servers rs on rs.id = q.rs_id
left join (access_tokens t
             join grants g on g.id = t.grant_id and g.expires_at > now()
             join accounts a on a.id = t.account_id and a.disabled_at is null)
       on t.id = q.token_id and t.expires_at > now()
order by q.n`

/** The columns of SQL, in their order. As arrays, because an object for each row costs more than the row. */
type Raw = [
  version: number,
  credential_hash: Buffer | null,
  rs_resource: string,
  client_id: string | null,
  account_id: string,
  grant_id: string,
  resource: string,
  scope: string,
  grant_scope: string,
  iat: number,
  exp: number,
  username: string,
  roles: string[],
]

function toRow(raw: Raw): LookupRow {
  const [version, credential_hash, rs_resource, client_id, account_id, grant_id, resource] = raw
  const [, , , , , , , scope, grant_scope, iat, exp, username, roles] = raw
  return {
    catalogue_version: version,
    resource_server: credential_hash ? { credential_hash, resource: rs_resource } : undefined,
    token:
      client_id === null
        ? undefined
        : { client_id, account_id, username, roles, grant_id, resource, scope, grant_scope, iat, exp },
  }
}

/** Looks up all keys in one statement; the answer has one row per key, in the same order. */
export async function lookupTokens(pool: pg.Pool, keys: readonly LookupKey[]): Promise<LookupRow[]> {
  const { rows } = await pool.query<Raw>({
    name: 'introspection-lookup',
    text: SQL,
    rowMode: 'array',
    values: [
      binaryArray(
        TEXT_OID,
        keys.map((key) => Buffer.from(key.resource_server_id)),
      ),
      binaryArray(
        BYTEA_OID,
        keys.map((key) => key.token_id),
      ),
    ],
  })
  return rows.map(toRow)
}
