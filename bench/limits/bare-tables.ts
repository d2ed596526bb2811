import { createHash, randomBytes } from 'node:crypto'
import { withClient } from '../servers/postgres.ts'

/** The tables of the bare limit: what one lookup by key and one record need, and nothing more. */
export type BareSeed = { client_id: string; client_secret: string; tokens: string[] }

export const RESOURCE_SERVER = {
  client_id: 'rs',
  client_secret: 'a-secret-of-the-resource-server-of-the-benchmark',
}

const TABLES = `
  create table tokens (
    id          bytea primary key,
    account_id  text not null,
    client_id   text not null,
    resource    text not null,
    scope       text not null,
    expires_at  timestamptz not null
  );
  create table audit_events (
    id           bigint generated always as identity primary key,
    occurred_at  timestamptz not null default now(),
    token_id     bytea not null,
    account_id   text,
    client_id    text
  );
`

export async function seedBare(url: string, count: number): Promise<BareSeed> {
  const tokens = Array.from({ length: count }, () => randomBytes(32).toString('base64url'))
  const ids = tokens.map((token) => createHash('sha256').update(token).digest())
  await withClient(url, async (client) => {
    await client.query(TABLES)
    await client.query(
      `insert into tokens select id, 'the-person', 'the-client', 'http://localhost:4001/mcp',
         'notes:read notes:write', now() + interval '1 day' from unnest($1::bytea[]) as id`,
      [ids],
    )
  })
  return { ...RESOURCE_SERVER, tokens }
}

/** How many audit rows there are. */
export function countBareRows(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query('select count(*)::int as count from audit_events')
    return rows[0].count
  })
}
