import { verifyChains } from '../../src/audit/integrity/verification/verify.ts'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { DemoClient } from './mcp-client.ts'
import { Narrator, narratedFetch } from './narrator.ts'
import { Person } from './person.ts'
import { type Stage, setStage } from './stage.ts'

/** The whole story, played against a server of its own. Ends non-zero when any step differs. */
const narrator = new Narrator()
const told = narratedFetch(narrator)

async function firstContact(stage: Stage, client: DemoClient): Promise<void> {
  narrator.step('A client without a token meets the MCP server, is told where to go, and registers')
  const stopped = await client.needsPerson(() => client.connect())
  narrator.check('the client needs a person', stopped, true)
  const url = client.memory.authorization_url
  narrator.say(
    `authorization URL: scope=${url?.searchParams.get('scope')} resource=${url?.searchParams.get('resource')}`,
  )
  narrator.check(
    'it asks for the minimal scope of the challenge',
    url?.searchParams.get('scope'),
    'notes:read',
  )
  narrator.check('for exactly this resource', url?.searchParams.get('resource'), stage.resource)
}

async function signInAndConsent(client: DemoClient, person: Person): Promise<void> {
  narrator.step('A person signs in and consents, in the real pages')
  const visit = await client.letDecide(person)
  for (const page of visit.pages) narrator.say(`page: ${page}`)
  narrator.check('the consent page names the tools', visit.consent.includes('search_notes'), true)
  narrator.check('the answer names the issuer', visit.callback.searchParams.has('iss'), true)
  narrator.check('the client has a refresh token', client.refresh_token.length > 0, true)
}

async function allowedTool(client: DemoClient): Promise<void> {
  narrator.step('An allowed tool runs; the list shows only what the token opens')
  await client.connect()
  narrator.check('tools/list', await client.tools(), ['get_note', 'search_notes'])
  narrator.say(`search_notes answered: ${(await client.call('search_notes', { query: '' })).slice(0, 80)}`)
}

const createNote = (client: DemoClient) => client.call('create_note', { title: 'Tea', text: 'Buy tea' })

async function deniedThenSteppedUp(client: DemoClient, person: Person): Promise<void> {
  narrator.step('A tool beyond the scope is stopped, with a challenge that names what it needs')
  const stopped = await client.needsPerson(() => createNote(client))
  narrator.check('create_note is denied', stopped, true)
  const scope = client.memory.authorization_url?.searchParams.get('scope')?.split(' ').sort()
  narrator.check('the client steps up to both scopes', scope, ['notes:read', 'notes:write'])

  narrator.step('The person consents to more, and the same call runs')
  await client.letDecide(person)
  narrator.say(`create_note answered: ${(await createNote(client)).slice(0, 80)}`)
  narrator.check('the list has grown', (await client.tools()).length, 4)
}

function refresh(stage: Stage, client: DemoClient, refresh_token: string): Promise<Response> {
  const client_id = client.memory.client?.client_id ?? ''
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token,
    client_id,
    resource: stage.resource,
  })
  return told(`${stage.issuer}/token`, { method: 'POST', body })
}

type Tokens = { access_token: string; refresh_token: string; token_type: string }

async function refreshes(stage: Stage, client: DemoClient): Promise<void> {
  narrator.step('The refresh token rotates')
  const first = (await (await refresh(stage, client, client.refresh_token)).json()) as Tokens
  narrator.check('a new refresh token', first.refresh_token !== client.refresh_token, true)

  narrator.step('Two processes refresh with the same token at the same time')
  const both = await Promise.all([1, 2].map(() => refresh(stage, client, first.refresh_token)))
  narrator.check(
    'both succeed',
    both.map(({ status }) => status),
    [200, 200],
  )
  const [one, two] = (await Promise.all(both.map((each) => each.json()))) as [Tokens, Tokens]
  narrator.check('with the identical refresh token', one.refresh_token, two.refresh_token)
  narrator.check('and the identical access token', one.access_token, two.access_token)
  client.memory.saveTokens({ ...client.memory.stored, ...one })
  narrator.say(`get_note answered: ${(await client.call('search_notes', { query: 'Tea' })).slice(0, 80)}`)
}

async function operatorRevokes(stage: Stage, client: DemoClient): Promise<string[]> {
  narrator.step('An operator revokes everything this person allowed')
  const response = await told(`${stage.issuer}/operator/api/v1/grants/revoke`, {
    method: 'POST',
    headers: { authorization: `Bearer ${stage.operator_token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ account: stage.person.username, reason: 'the laptop was stolen' }),
  })
  const { revoked } = (await response.json()) as { revoked: string[] }
  narrator.check('both authorizations are revoked', revoked.length, 2)

  narrator.step('The next call is denied at once')
  const answer = await told(stage.resource, {
    method: 'POST',
    headers: { authorization: `Bearer ${client.access_token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'get_note', arguments: {} },
    }),
  })
  narrator.check('401', answer.status, 401)
  const refused = await refresh(stage, client, client.refresh_token)
  narrator.check('and the refresh token is dead', refused.status, 400)
  return revoked
}

const STORY = [
  'client.registered',
  'login.succeeded',
  'consent.given',
  'authorization.granted',
  'token.issued',
  'tool.decided',
  'token.refreshed',
  'refresh_token.replayed',
  'grant.revoked',
  'token.introspected',
  'token.refused',
]

async function auditRows(stage: Stage): Promise<void> {
  narrator.step('The audit log has all of it')
  const { events } = await pageEvents(stage.db, {}, 500)
  for (const { type, tool, decision, scope, client_id } of [...events].reverse())
    narrator.say(
      [type.padEnd(24), tool ?? '', decision ?? '', scope ?? '', client_id ?? ''].join(' ').trimEnd(),
    )
  const types = new Set(events.map(({ type }) => type))
  narrator.check(
    'every kind of step is recorded',
    STORY.filter((type) => !types.has(type)),
    [],
  )
  const denied = events.filter(({ tool, decision }) => tool === 'create_note' && decision === 'denied')
  narrator.check('the denied call is there, by tool', denied.length > 0, true)
  const { rows, faults } = await verifyChains(stage.db)
  narrator.check(`${rows} rows verified: every hash fits`, faults, [])
}

const stage = await setStage()
try {
  const client = new DemoClient(stage.resource, { fetch: told })
  const person = new Person(stage.person)
  await firstContact(stage, client)
  await signInAndConsent(client, person)
  await allowedTool(client)
  await deniedThenSteppedUp(client, person)
  await refreshes(stage, client)
  await operatorRevokes(stage, client)
  await auditRows(stage)
  await client.close()
} finally {
  await stage.close()
}
console.log(
  narrator.failures === 0 ? '\nEvery step was as told.' : `\n${narrator.failures} step(s) differed.`,
)
process.exitCode = narrator.failures === 0 ? 0 : 1
