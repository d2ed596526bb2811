import { randomUUID } from 'node:crypto'
import { RESOURCE, Toolgate, type ToolgateOptions } from './toolgate.ts'

/** A Toolgate that people have used: what its pages show is there, each kind at least once. */
export type LivedIn = {
  toolgate: Toolgate
  /** May do everything as an operator, and connected apps. */
  ada: { id: string; username: string }
  grant_ids: string[]
  client_id: string
  /** Of a call that was denied. */
  event_id: string
}

const APPS = [
  { client_name: 'Claude', scope: 'notes:read notes:write notes:delete', label: 'Claude on the laptop' },
  { client_name: 'Cursor', scope: 'notes:read notes:write', label: null },
  { client_name: 'Nightly report', scope: 'notes:read', label: null },
]
const CALLS = ['search_notes', 'get_note', 'search_notes', 'create_note', 'delete_note', 'search_notes']

export async function livedIn(options: ToolgateOptions = {}): Promise<LivedIn> {
  const toolgate = await Toolgate.start(options)
  const ada = await toolgate.account(['operator', 'editor'], 'ada')
  const grace = await toolgate.account(['reader'], 'grace')
  const server = await toolgate.resourceServer()
  let client_id = ''
  for (const { client_name, scope } of APPS) {
    const client = await toolgate.register({ client_name })
    client_id ||= client.client_id
    for (const { person } of client_name === 'Claude' ? [ada, grace] : [ada]) {
      const { access_token } = await toolgate.tokens(person(), client.client_id, { scope })
      const question = { mcp_method: 'tools/call' }
      for (const mcp_name of CALLS) await toolgate.introspect(server, access_token, { ...question, mcp_name })
    }
  }
  await toolgate.operatorToken()
  await seedUsage(toolgate)
  const knex = toolgate.db.database.knex
  const grants = await knex('grants').where({ account_id: ada.id }).orderBy('created_at').select('id')
  const denied = await knex('audit_events').where({ decision: 'denied' }).first('id')
  const grant_ids = grants.map(({ id }) => String(id))
  await knex('grants').where({ id: grant_ids[0] }).update({ label: APPS[0]?.label })
  return { toolgate, ada, grant_ids, client_id, event_id: String(denied?.id ?? randomUUID()) }
}

/** As the server writes it every few seconds from what it counted, for two days. */
async function seedUsage({ db }: Toolgate): Promise<void> {
  const { knex } = db.database
  await knex.raw(
    `insert into grant_tool_uses (grant_id, tool, first_used_at, last_used_at, allowed, denied)
     select g.id, tool, now() - interval '9 days', now() - n * interval '3 hours', 140 / n, n - 1
     from grants g, unnest(array['search_notes', 'get_note', 'create_note']) with ordinality as t(tool, n)
     on conflict do nothing`,
  )
  await knex.raw(
    `update grants set last_used_at = now() - interval '20 minutes', redirect_host = '127.0.0.1:33418'`,
  )
  await knex.raw(
    `insert into usage_hours (hour, resource, tool, decision, calls)
     select date_trunc('hour', now()) - h * interval '1 hour', ?, tool, decision,
            (20 + 17 * (h % 7)) / case decision when 'allowed' then 1 else 9 end
     from generate_series(0, 47) h, unnest(array['search_notes', 'delete_note']) tool,
          unnest(array['allowed', 'denied']) decision
     on conflict do nothing`,
    [RESOURCE],
  )
}
