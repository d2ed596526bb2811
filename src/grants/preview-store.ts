import type { Knex } from 'knex'
import { z } from 'zod'
import { PERSONAL_CLIENT_ID, PERSONAL_CLIENT_NAME } from '../personal-tokens/personal-access-token.ts'
import { type GrantFilter, matchingGrants, resolveFilter } from './grant-store.ts'

/** SQL of what a revocation would end. */
const COUNTED_MAX = 10_000

export const revocationPreview = z.object({
  grants: z.int().describe('As every count here: 10001 stands for more than 10000'),
  accounts: z.int(),
  clients: z.int(),
  refresh_tokens: z.int(),
  access_tokens: z.int(),
  used_last_week: z.int().describe('How many of the grants were used within seven days'),
  resources: z.array(z.string()),
  tools: z
    .array(z.object({ tool: z.string(), grants: z.int(), last_used_at: z.date() }))
    .describe('Called by these grants within seven days, the most widely used first'),
  account_names: z
    .array(z.object({ account_id: z.string(), username: z.string(), grants: z.int() }))
    .describe('Those with the most grants'),
  client_names: z.array(
    z.object({ client_id: z.string(), client_name: z.string().nullable(), grants: z.int() }),
  ),
})
export type RevocationPreview = z.infer<typeof revocationPreview>

const NAMES = 5
const TOOLS = 30
const WEEK = "interval '7 days'"

const COUNTS = `
  select (select count(*)::int from chosen) as grants,
    (select count(distinct account_id)::int from chosen) as accounts,
    (select count(distinct client_id)::int from chosen) as clients,
    (select count(*)::int from chosen c join lateral
       (select 1 from refresh_tokens r where r.grant_id = c.id and r.consumed_at is null and r.expires_at > now()
        limit 1) r on true) as refresh_tokens,
    (select count(*)::int from (select 1 from chosen c join access_tokens t on t.grant_id = c.id
       where t.expires_at > now() limit ${COUNTED_MAX + 1}) t) as access_tokens,
    (select count(*)::int from chosen where last_used_at > now() - ${WEEK}) as used_last_week,
    (select coalesce(array_agg(resource), '{}') from
       (select distinct resource from chosen where resource is not null order by resource limit ${NAMES}) r) as resources`

const TOOLS_USED = `
  select tool, count(*)::int as grants, max(u.last_used_at) as last_used_at
  from chosen c join grant_tool_uses u on u.grant_id = c.id
  where u.tool <> '' and u.last_used_at > now() - ${WEEK}
  group by tool order by 2 desc, 1 limit ${TOOLS}`

const ACCOUNT_NAMES = `
  select account_id, username, grants
  from (select account_id, count(*)::int as grants from chosen group by 1 order by 2 desc, 1 limit ${NAMES}) most
  join accounts a on a.id = account_id order by grants desc, account_id`

const CLIENT_NAMES = `
  select client_id, grants, case when client_id = '${PERSONAL_CLIENT_ID}' then '${PERSONAL_CLIENT_NAME}' else coalesce(
    (select metadata from clients c where c.id = client_id),
    (select metadata from metadata_documents d where d.client_id = most.client_id))->>'client_name' end as client_name
  from (select client_id, count(*)::int as grants from chosen group by 1 order by 2 desc, 1 limit ${NAMES}) most
  order by grants desc, client_id`

export async function previewMatching(db: Knex, filter: GrantFilter): Promise<RevocationPreview> {
  const chosen = matchingGrants(db, await resolveFilter(db, filter))
    .select('g.id', 'g.account_id', 'g.client_id', 'g.resource', 'g.last_used_at')
    .limit(COUNTED_MAX + 1)
  const ask = async (sql: string) =>
    (await db.raw(`with chosen as materialized (?) ${sql}`, [chosen.clone()])).rows
  const [counts] = await ask(COUNTS)
  return {
    ...counts,
    tools: await ask(TOOLS_USED),
    account_names: await ask(ACCOUNT_NAMES),
    client_names: await ask(CLIENT_NAMES),
  }
}
