import type pg from 'pg'
import { say } from '../part.ts'
import { withClient } from '../servers/postgres.ts'
import { CLIENT_ID, RESOURCE, SCOPE, seen } from './workload.ts'

/** A database as years of use leave it, made by SQL. Ids are digests of numbers: random to look at, known to us. */
export type Volume = { accounts: number; grants: number; tokens: number; audit_rows: number }

const TOKEN_START = 'bench-token-'
/** Tokens are 43 characters long. */
const TOKEN_DIGITS = 43 - TOKEN_START.length
const PAST_MONTHS = 12

/** How a load names one of these tokens: the start, and a number of so many digits. */
export const NUMBERED_TOKEN = { start: TOKEN_START, digits: TOKEN_DIGITS }

export const TOOLS = ['search_notes', 'get_note', 'create_note', 'update_note'] as const
export const RARE_TOOL = 'delete_note'
const RARE_CALLS_PER_MONTH = 15

/** SQL of the ids that a number stands for. */
const account = (number: string) => `'usr_' || substr(md5('account' || ${number}), 1, 16)`
const grant = (number: string) => `md5('grant' || ${number})`
const token_hash = (number: string) =>
  `sha256(convert_to('${TOKEN_START}' || lpad((${number})::text, ${TOKEN_DIGITS}, '0'), 'UTF8'))`

export function accountId(client: pg.Client, number: number): Promise<string> {
  return client.query(`select ${account('$1::int')} as id`, [number]).then(({ rows }) => rows[0].id)
}

/** Fills a migrated database. The hashes of its audit rows are random: this is about speed, not about evidence. */
export async function seedYears(url: string, volume: Volume): Promise<void> {
  await withClient(url, async (client) => {
    await client.query('set synchronous_commit = off')
    // Foreign keys hold by construction, and checking a million of them takes a minute.
    await client.query('set session_replication_role = replica')
    await seedTokens(client, volume)
    await client.query('set session_replication_role = origin')
    if (volume.audit_rows > 0) await seedAuditRows(client, volume)
    await client.query('vacuum analyze')
    await client.query('checkpoint')
  })
}

async function seedTokens(client: pg.Client, { accounts, grants, tokens }: Volume): Promise<void> {
  await client.query(
    `insert into accounts (id, username, password_hash, roles)
     select ${account('n')}, 'bench-' || n, 'none', '{editor}' from generate_series(0, ${accounts - 1}) n`,
  )
  await client.query(
    `insert into grants (id, account_id, client_id, resource, scope, scope_versions, payload, created_at, expires_at)
     select ${grant('n')}, ${account(`(n % ${accounts})`)}, $1, $2, $3, ${seen('$3')}, '{}', now() - n * interval '1 second',
            now() + interval '1 day'
     from generate_series(0, ${grants - 1}) n`,
    [CLIENT_ID, RESOURCE, SCOPE],
  )
  await client.query(
    `insert into access_tokens (id, grant_id, account_id, client_id, resource, scope, gty, expires_at)
     select ${token_hash('n')}, ${grant(`(n % ${grants})`)}, ${account(`(n % ${grants} % ${accounts})`)},
            $1, $2, $3, 'authorization_code', now() + interval '1 day'
     from generate_series(0, ${tokens - 1}) n`,
    [CLIENT_ID, RESOURCE, SCOPE],
  )
}

/** Spread evenly over the past months and this one. A past month gets its indexes when it is full, as it is faster. */
async function seedAuditRows(client: pg.Client, volume: Volume): Promise<void> {
  const per_month = Math.ceil(volume.audit_rows / (PAST_MONTHS + 1))
  const { rows: months } = await client.query<{ name: string; starts: string; ends: string; till: string }>(
    `select 'audit_events_' || to_char(starts, 'YYYY_MM') as name, starts || ' UTC' as starts,
            starts + interval '1 month' || ' UTC' as ends,
            least(starts + interval '1 month', now() at time zone 'UTC') || ' UTC' as till
     from generate_series(1, ${PAST_MONTHS}) back,
          lateral (select date_trunc('month', now() at time zone 'UTC') - make_interval(months => back)) m(starts)
     union all
     select 'audit_events', date_trunc('month', now() at time zone 'UTC') || ' UTC', '', now()::text`,
  )
  for (const { name, starts, ends, till } of months) {
    const is_past = name !== 'audit_events'
    if (is_past)
      await client.query(`create table ${name} (like audit_events including defaults including constraints)`)
    await client.query(monthSql(name, volume, per_month), [starts, till, CLIENT_ID, RESOURCE, SCOPE])
    if (is_past)
      await client.query(
        `alter table audit_events attach partition ${name} for values from ('${starts}') to ('${ends}')`,
      )
    say(`${per_month} audit rows in ${is_past ? name : 'this month'}`)
  }
}

function monthSql(table: string, { accounts, grants, tokens }: Volume, count: number): string {
  const grant_number = `(token % ${grants})`
  const account_number = `(token % ${grants} % ${accounts})`
  const rare = Math.max(1, Math.floor(count / RARE_CALLS_PER_MONTH))
  const tools = TOOLS.map((tool) => `'${tool}'`).join(', ')
  return `
    insert into ${table} (occurred_at, writer_id, seq, id, type, actor_kind, actor_id, account_id, client_id, resource, tool,
      decision, scope, grant_id, token_id, request_id, ip, detail, prev_hash, hash)
    -- Rounding must not carry the last row into the next month.
    select least($1::timestamptz + (n - random()) / ${count} * ($2::timestamptz - $1::timestamptz),
                 $2::timestamptz - interval '1 microsecond'), writer, n,
      gen_random_uuid(), 'tool.decided', 'account', ${account(account_number)}, ${account(account_number)}, $3, $4,
      case when n % ${rare} = 0 then '${RARE_TOOL}' else (array[${tools}])[1 + n % ${TOOLS.length}] end,
      'allowed', $5, ${grant(grant_number)},
      translate(rtrim(encode(${token_hash('token')}, 'base64'), '='), '+/', '-_'),
      gen_random_uuid()::text, '192.0.2.' || n % 256,
      '{"method": "tools/call", "needed": "notes:write", "resource_server": "rs_of_the_benchmark"}',
      sha256(int8send(n)), sha256(int8send(n + 1))
    from (select gen_random_uuid() as writer) as writers,
         lateral (select n, floor(random() * ${tokens})::int as token from generate_series(1, ${count}) n) as rows`
}
