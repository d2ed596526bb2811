// A resource server that lies, and a caller who makes up names: their words are told as theirs, on every page.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Person } from '../../examples/demo/person.ts'
import { type SignedIn, signedIn } from '../pages/operator/signed-in.ts'
import { PASSWORD, RESOURCE, Toolgate } from '../support/toolgate.ts'

const LIE = 'delete_note'
const MADE_UP = 'Your bank asks you to call 555-0100'

let toolgate: Toolgate
let person: SignedIn
let auditor: SignedIn
let token: string
let grant_id: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  const rs = await toolgate.resourceServer()
  person = await signedIn(toolgate, ['editor'])
  auditor = await signedIn(toolgate, ['auditor'])
  const { knex } = toolgate.db.database
  const { username } = await knex('accounts').where({ id: person.account_id }).first('username')
  const { client_id } = await toolgate.register({ client_name: 'Honest app' })
  const tokens = await toolgate.tokens(new Person({ username, password: PASSWORD }), client_id)
  token = tokens.access_token
  ;({ id: grant_id } = await knex('grants').where({ account_id: person.account_id }).first('id'))
  const { jti, sub } = await toolgate.introspect(rs, token, { mcp_method: 'tools/call', mcp_name: MADE_UP })
  const said = {
    id: randomUUID(),
    type: 'tool.decided',
    occurred_at_ms: Date.now(),
    request_id: randomUUID(),
    sub,
    client_id,
    token_id: jti,
    method: 'tools/call',
    name: LIE,
    allowed: true,
    scope: 'notes:delete',
  }
  const { allowed: _, scope: __, ...call } = said
  const ended = {
    ...call,
    id: randomUUID(),
    type: 'tool.completed',
    outcome: 'ok',
    duration_ms: 1,
    size_bytes: 1,
  }
  const answer = await toolgate.fetch('/introspect/reports', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_id: rs.client_id,
      client_secret: rs.client_secret,
      reports: [said, ended],
    }),
  })
  expect(answer.status).toBe(200)
})
afterAll(() => toolgate.close())

const events = (type: string): Promise<{ id: string; detail: Record<string, unknown> }[]> =>
  toolgate.db.database.knex('audit_events').where({ tool: LIE, type }).select('id', 'detail')

describe('what a resource server reported', () => {
  it('is told the person as what their server says', async () => {
    expect(await person.page('/account/activity')).toMatch(
      /Notes says that Honest app called[\s\S]*delete_note/,
    )
  })

  it.each(['tool.decided', 'tool.completed'])(
    'stands on the page of the event %s as its word',
    async (type) => {
      const [event] = await events(type)
      expect(await auditor.page(`/operator/audit/events/${event?.id}`)).toContain('the server says')
    },
  )

  it('stands so in lists, stories, and among the callers', async () => {
    expect(await auditor.page(`/operator/audit?tool=${LIE}`)).toContain('allowed (the server says)')
    expect(await auditor.page(`/operator/audit/story/${grant_id}`)).toContain(
      '1 decided by the server as it says',
    )
    const callers = await auditor.page(`/operator/audit/callers?tool=${LIE}`)
    expect(callers).toMatch(/As the server says[\s\S]*<td class="number">1<\/td>\s*<td>/)
  })

  it('is exported with the mark', async () => {
    for (const { detail } of await events('tool.decided')) expect(detail.source).toBe('resource_server')
  })
})

describe('a name that no scope opens', () => {
  it('is not told the person, who would read what a stranger made up', async () => {
    const page = await person.page('/account/activity')
    expect(page).toContain('Honest app asked Notes for something that nothing opens once')
    expect(page).not.toContain('555-0100')
  })

  it('is marked for operators', async () => {
    const page = await auditor.page(`/operator/audit?resource=${encodeURIComponent(RESOURCE)}`)
    expect(page).toContain(`${MADE_UP} (in no scope)`)
  })
})
