import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { changeAccount } from '../../src/accounts/accounts.ts'
import { createOperatorToken } from '../../src/accounts/operator-tokens.ts'
import { parseCatalogue } from '../../src/catalogue/catalogue-file.ts'
import { applyCatalogue } from '../../src/catalogue/catalogue-store.ts'
import { blockClient } from '../../src/clients/client-blocks.ts'
import { addResourceServer } from '../../src/clients/resource-servers/resource-servers.ts'
import { TEST } from './origins.ts'
import { PageVisitor } from './page-visitor.ts'
import { RESOURCE, Toolgate, type ToolgateOptions } from './toolgate.ts'

/** A Toolgate that people have used: what its pages show is there, each kind at least once. */
export type LivedIn = {
  toolgate: Toolgate
  /** May do everything as an operator, and connected apps. */
  ada: { id: string; username: string }
  /** Of ada, the oldest first. */
  grant_ids: string[]
  /** Ada and grace connected it. */
  client_id: string
  resource_server_id: string
  /** Of a call that was denied. */
  event_id: string
  personal_token_id: string
}

const APPS = [
  {
    client_name: 'Claude',
    scope: 'notes:read notes:write notes:delete',
    label: 'Claude on the laptop',
    host: '127.0.0.1:33418',
  },
  { client_name: 'Cursor', scope: 'notes:read notes:write', label: null, host: '127.0.0.1:49152' },
  { client_name: 'Nightly report', scope: 'notes:read', label: null, host: 'reports.example' },
]
const CALLS = ['search_notes', 'get_note', 'search_notes', 'create_note', 'delete_note', 'search_notes']
const SHARED_APP = APPS[0]?.client_name

export async function livedIn(options: ToolgateOptions = {}): Promise<LivedIn> {
  const toolgate = await Toolgate.start(options)
  const { knex } = toolgate.db.database
  const ada = await toolgate.account(['operator', 'editor'], 'ada')
  const grace = await toolgate.account(['reader'], 'grace')
  const server = await toolgate.resourceServer()
  let client_id = ''
  for (const { client_name, scope } of APPS) {
    const client = await toolgate.register({ client_name })
    client_id ||= client.client_id
    for (const { person } of client_name === SHARED_APP ? [ada, grace] : [ada]) {
      const { access_token } = await toolgate.tokens(person(), client.client_id, { scope })
      const question = { mcp_method: 'tools/call' }
      for (const mcp_name of CALLS) await toolgate.introspect(server, access_token, { ...question, mcp_name })
    }
  }
  await seedOthers(toolgate)
  await seedRefusals(toolgate, { client_id, username: grace.username })
  await seedUsage(toolgate)
  const grants = await knex('grants').where({ account_id: ada.id }).orderBy('created_at').select('id')
  const denied = await knex('audit_events').where({ decision: 'denied' }).first('id')
  const grant_ids = grants.map(({ id }) => String(id))
  for (const [index, { label, host }] of APPS.entries())
    await knex('grants').where({ id: grant_ids[index] }).update({ label, receiver: host })
  const event_id = String(denied?.id ?? randomUUID())
  const personal_token_id = await personalToken(toolgate, ada.username)
  const resource_server_id = server.client_id
  return { toolgate, ada, grant_ids, client_id, resource_server_id, event_id, personal_token_id }
}

/** Made on the person's own page; answers the id of its grant. */
async function personalToken(toolgate: Toolgate, username: string): Promise<string> {
  const visitor = await PageVisitor.signIn(toolgate, username)
  const form = { name: 'Weekly digest', resource: RESOURCE, role: 'read-only', days: '12' }
  const response = await visitor.post('/account/tokens', Object.entries(form))
  const grant = await toolgate.db.database.knex('personal_access_tokens').first('grant_id')
  if (!grant) throw new Error(`no personal token: ${response.status} ${await response.text()}`)
  return grant.grant_id
}

/** Who is in the lists besides. */
async function seedOthers(toolgate: Toolgate): Promise<void> {
  const { dependencies } = toolgate
  await toolgate.account(['auditor'], 'linus')
  const { username } = await toolgate.account(['reader'], 'mallory')
  await changeAccount(dependencies, username, { disabled: true }, TEST)
  const { client_id } = await toolgate.register({ client_name: 'Free vouchers' })
  await blockClient(dependencies, client_id, { ...TEST, reason: 'asks everybody for everything' })
  for (const [name, days] of [
    ['ticket system', 10],
    ['dashboard', 90],
  ] as const)
    await createOperatorToken(dependencies, { name, days, scopes: ['operator:read'] }, TEST)
  await addResourceServer(dependencies, { resource: RESOURCE, id: 'notes-staging' }, TEST)
  await catalogueAgain(toolgate)
}

/** Somebody who is no operator, and a refresh token that nobody issued. */
async function seedRefusals(
  toolgate: Toolgate,
  { client_id, username }: { client_id: string; username: string },
): Promise<void> {
  const visitor = await PageVisitor.signIn(toolgate, username)
  await visitor.get('/operator')
  await toolgate.refresh(client_id, 'made-up')
}

/** Twice, so that it has versions: the one in force says what the first one said. */
async function catalogueAgain({ db }: Toolgate): Promise<void> {
  const text = readFileSync('catalogue.yaml', 'utf8')
  for (const version of [text.replace('Read your notes', 'Read notes'), text]) {
    const read = parseCatalogue(version)
    if ('faults' in read) throw new Error(read.faults.join('\n'))
    await applyCatalogue(db.database.knex, read.catalogue, 'test')
  }
}

/** As the server writes it every few seconds from what it counted, for two days. */
async function seedUsage({ db }: Toolgate): Promise<void> {
  const { knex } = db.database
  await knex.raw(
    `update grants set last_used_at = now() - age * interval '20 minutes', created_at = created_at - age * interval '3 days'
     from (select id, row_number() over (order by created_at desc) as age from grants) aged where aged.id = grants.id`,
  )
  await knex.raw(
    `insert into grant_tool_uses (grant_id, tool, first_used_at, last_used_at, allowed, denied)
     select g.id, tool, g.created_at + interval '1 hour', now() - n * interval '3 hours', 140 / n, n - 1
     from grants g, unnest(array['search_notes', 'get_note', 'create_note']) with ordinality as t(tool, n)
     on conflict do nothing`,
  )
  await knex.raw(
    `insert into usage_hours (hour, resource, tool, decision, calls)
     select date_trunc('hour', now()) - h * interval '1 hour', ?, tool, decision,
            (28 + 22 * (h * h % 11)) / n / case decision when 'allowed' then 1 else 6 end
     from generate_series(0, 47) h,
          unnest(array['search_notes', 'get_note', 'create_note', 'delete_note']) with ordinality as t(tool, n),
          unnest(array['allowed', 'denied']) decision
     where decision = 'allowed' or n > 2
     on conflict do nothing`,
    [RESOURCE],
  )
}
