import type pg from 'pg'
import { parseJson } from '../../base/json.ts'
import { BYTEA_OID, binaryArray, TEXT_OID } from '../../storage/binary-array.ts'

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
  /** For each scope of the grant the version of the catalogue at which the person consented. */
  scope_versions: number[]
  iat: number
  exp: number
}

/**
 * The whole answer is one JSON text: taking a column of a row out of the protocol, here and in Postgres, costs more
 * than finding the row. Expired tokens, grants that are gone and disabled accounts all look like a token that never was.
 */
const SQL = `
select json_build_array(
  (select coalesce(max(version), 0) from catalogue_versions),
  (select json_object_agg(rs.id, json_build_array(encode(rs.credential_hash, 'hex'), rs.resource))
   from resource_servers rs where rs.id = any($1::text[])),
  (select json_agg(json_build_array(
     q.n, t.client_id, t.account_id, a.username, a.roles, t.grant_id, t.resource, t.scope, g.scope, g.scope_versions,
     extract(epoch from t.issued_at)::int, extract(epoch from least(t.expires_at, g.expires_at))::int))
   from unnest($2::bytea[]) with ordinality as q(token_id, n)
   join access_tokens t on t.id = q.token_id and t.expires_at > now()
   join grants g on g.id = t.grant_id and g.expires_at > now()
   join accounts a on a.id = t.account_id and a.disabled_at is null))::text`

type RawServer = [credential_hash: string, resource: string]
type RawToken = [
  position: number,
  client_id: string,
  account_id: string,
  username: string,
  roles: string[],
  grant_id: string,
  resource: string,
  scope: string,
  grant_scope: string,
  scope_versions: number[],
  iat: number,
  exp: number,
]
type Raw = [version: number, servers: Record<string, RawServer> | null, tokens: RawToken[] | null]

/** Looks up all keys in one statement; the answer has one row per key, in the same order. */
export async function lookupTokens(pool: pg.Pool, keys: readonly LookupKey[]): Promise<LookupRow[]> {
  const ids = [...new Set(keys.map((key) => key.resource_server_id))]
  const { rows } = await pool.query<[string]>({
    name: 'introspection-lookup',
    text: SQL,
    rowMode: 'array',
    values: [
      binaryArray(
        TEXT_OID,
        ids.map((id) => Buffer.from(id)),
      ),
      binaryArray(
        BYTEA_OID,
        keys.map((key) => key.token_id),
      ),
    ],
  })
  const raw = parseJson(rows[0]?.[0] ?? '[0, null, null]') as Raw
  return rowsOf(keys, raw)
}

function rowsOf(keys: readonly LookupKey[], [catalogue_version, raw_servers, raw_tokens]: Raw): LookupRow[] {
  const servers = new Map(Object.entries(raw_servers ?? {}).map(([id, raw]) => [id, toServer(raw)]))
  const rows = keys.map(
    (key): LookupRow => ({
      catalogue_version,
      resource_server: servers.get(key.resource_server_id),
      token: undefined,
    }),
  )
  for (const raw of raw_tokens ?? []) {
    const row = rows[raw[0] - 1]
    if (row) row.token = toToken(raw)
  }
  return rows
}

function toServer([credential_hash, resource]: RawServer): LookupRow['resource_server'] {
  return { credential_hash: Buffer.from(credential_hash, 'hex'), resource }
}

function toToken([, client_id, account_id, username, roles, grant_id, ...rest]: RawToken): LiveToken {
  const [resource, scope, grant_scope, scope_versions, iat, exp] = rest
  const named = { client_id, account_id, username, roles, grant_id }
  return { ...named, resource, scope, grant_scope, scope_versions, iat, exp }
}
