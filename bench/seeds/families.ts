import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { Person } from '../../examples/demo/person.ts'
import { sha256 } from '../../src/base/digest.ts'
import { withClient } from '../servers/postgres.ts'
import type { ToolgateServer } from '../servers/toolgate.ts'
import { type Authorized, authorizationRequest, REDIRECT_URI, registerClient } from './client.ts'

/**
 * One person consents once, through the real pages; the rows that this left are then copied under new ids. What
 * stands in them is so whatever this version of Toolgate writes.
 */
type Original = { grant_id: string } & Authorized

export type Sign = { username: string; password: string }

/** `count` codes that nobody has redeemed, each of a grant of its own, and what redeeming them needs. */
export async function seedCodes(
  { issuer, url }: ToolgateServer,
  person: Sign,
  count: number,
): Promise<{ client_id: string; code_verifier: string; codes: string[] }> {
  const original = await authorize(issuer, url, person)
  const codes = await withClient(url, (client) => copy(client, 'authorization_codes', original, count))
  return { ...original, codes }
}

/** `count` refresh tokens, each of a grant of its own. */
export async function seedFamilies(
  { issuer, url }: ToolgateServer,
  person: Sign,
  count: number,
): Promise<{ client_id: string; families: string[] }> {
  const original = await authorize(issuer, url, person)
  const { client_id, code, code_verifier } = original
  const form = {
    grant_type: 'authorization_code',
    client_id,
    code,
    code_verifier,
    redirect_uri: REDIRECT_URI,
  }
  const response = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams(form) })
  if (response.status !== 200) throw new Error(`the code was not redeemed: ${await response.text()}`)
  const families = await withClient(url, (client) => copy(client, 'refresh_tokens', original, count))
  return { client_id, families }
}

async function authorize(issuer: string, url: string, person: Sign): Promise<Original> {
  const client_id = await registerClient(issuer)
  const request = authorizationRequest(issuer, client_id)
  const { callback } = await new Person(person).authorize(request.url, REDIRECT_URI)
  const code = callback.searchParams.get('code')
  if (!code) throw new Error(`no code: ${callback.search}`)
  const grant_id = await withClient(url, async (client) => {
    const { rows } = await client.query('select grant_id from authorization_codes where id = $1', [
      sha256(code),
    ])
    return rows[0].grant_id
  })
  return { client_id, code, code_verifier: request.code_verifier, grant_id }
}

async function copy(
  client: pg.Client,
  table: 'authorization_codes' | 'refresh_tokens',
  { grant_id }: Original,
  count: number,
): Promise<string[]> {
  const tokens = Array.from({ length: count }, () => randomBytes(32).toString('base64url'))
  const grants = tokens.map(() => randomBytes(16).toString('hex'))
  await client.query(
    `insert into grants (id, account_id, client_id, resource, scope, scope_versions, payload, expires_at)
     select new.id, account_id, client_id, resource, scope, scope_versions, replace(payload::text, grants.id, new.id)::jsonb,
            expires_at
     from grants, unnest($2::text[]) as new(id) where grants.id = $1`,
    [grant_id, grants],
  )
  await client.query(
    `insert into ${table} (id, grant_id, payload, expires_at)
     select new.id, new.grant_id, replace(payload::text, $1, new.grant_id)::jsonb, now() + interval '1 day'
     from ${table}, unnest($2::bytea[], $3::text[]) as new(id, grant_id) where ${table}.grant_id = $1`,
    [grant_id, tokens.map(sha256), grants],
  )
  return tokens
}
