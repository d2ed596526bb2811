// A client that wants more than the person ticked: by what a ticked scope includes, by boxes that are ticked beforehand, and on
// Toolgate's own resource by a name that sounds right and a browser that was left signed in.
import { randomUUID } from 'node:crypto'
import { asyncProperty, assert as holds, subarray } from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scopesRefused } from '../../src/audit/query/refusals-store.ts'
import { grantOf } from '../support/families.ts'
import { PASSWORD, RESOURCE, type Tokens, Toolgate } from '../support/toolgate.ts'
import { authorizationRequest, type Page, Visitor } from '../support/visitor.ts'
import { audited } from '../support/with-notes.ts'

const SCOPES = ['notes:read', 'notes:write', 'notes:delete']
const TOOLS = { 'notes:read': 'search_notes', 'notes:write': 'create_note', 'notes:delete': 'delete_note' }

let toolgate: Toolgate
let rs: { client_id: string; client_secret: string }
let client_id: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  rs = await toolgate.resourceServer()
  client_id = (await toolgate.register()).client_id
})
afterAll(() => toolgate.close())

const knex = () => toolgate.db.database.knex
const ask = (of = client_id, parameters: Record<string, string> = {}) =>
  authorizationRequest(toolgate.issuer, of, { scope: SCOPES.join(' '), ...parameters })

async function consentPage(username: string, request = ask()): Promise<{ visitor: Visitor; page: Page }> {
  const visitor = new Visitor(toolgate.issuer)
  const page = await visitor.open(request.url)
  return { visitor, page: await visitor.submit(page, { username, password: PASSWORD }) }
}

/** The boxes that are ticked when the page opens. */
function tickedBeforehand({ html }: Page): string[] {
  const boxes = [...html.matchAll(/<input[^>]*type="checkbox"[^>]*>/g)].map(([tag]) => tag)
  return boxes.filter((tag) => /\schecked\b/.test(tag)).map((tag) => /value="([^"]*)"/.exec(tag)?.[1] ?? '')
}

async function callsThatPass(access_token: string): Promise<string[]> {
  const passed: string[] = []
  for (const [scope, mcp_name] of Object.entries(TOOLS)) {
    const answer = await toolgate.introspect(rs, access_token, { mcp_method: 'tools/call', mcp_name })
    if ((answer.mcp as { allowed: boolean } | undefined)?.allowed) passed.push(scope)
  }
  return passed
}

describe('what a person unticks', () => {
  it('is not given, whatever includes it and however the client asks on', async () => {
    const { username } = await toolgate.account()
    await holds(
      asyncProperty(subarray(SCOPES), async (ticks) => {
        const request = ask()
        const { visitor, page } = await consentPage(username, request)
        const left = await visitor.submit(page, {}, ticks)
        const expected = SCOPES.slice(0, SCOPES.findIndex((scope) => !ticks.includes(scope)) >>> 0)
        if (expected.length === 0) {
          // Nothing that holds together was ticked: the person is told, or it was a denial.
          const outcome = left.left ? left.url.searchParams.get('error') : left.status
          expect(outcome).toBe(ticks.length === 0 ? 'access_denied' : 400)
          return
        }
        const code = left.url.searchParams.get('code') ?? ''
        const tokens = (await (
          await toolgate.redeem(client_id, code, request.code_verifier)
        ).json()) as Tokens
        expect(await callsThatPass(tokens.access_token)).toEqual(expected)
        const refreshed = (await (await toolgate.refresh(client_id, tokens.refresh_token)).json()) as Tokens
        expect(await callsThatPass(refreshed.access_token)).toEqual(expected)
        const grant_id = await grantOf(toolgate, refreshed.refresh_token)
        expect(await audited(toolgate, { type: 'consent.given', grant_id })).toMatchObject([
          {
            scope: expected.join(' '),
            detail: { rejected: SCOPES.filter((scope) => !expected.includes(scope)) },
          },
        ])
      }),
      { numRuns: 16 },
    )
  })

  it('is what the evidence says: of a scope that was asked for alone, with all that it opens', async () => {
    const { username } = await toolgate.account()
    const request = ask(client_id, { scope: 'notes:delete' })
    const { visitor, page } = await consentPage(username, request)
    await visitor.submit(page, {}, ['notes:delete'])
    const [event] = await audited(toolgate, { type: 'consent.given', client_id, scope: SCOPES.join(' ') })
    expect(event?.detail).toMatchObject({ rejected: [] })
  })
})

describe('what cannot be undone', () => {
  const refuse = (access_token: string) =>
    toolgate.introspect(rs, access_token, { mcp_method: 'tools/call', mcp_name: 'delete_note' })

  it('is ticked beforehand only for the client, account and scope that were just refused', async () => {
    const { username, person, id } = await toolgate.account()
    expect(tickedBeforehand((await consentPage(username)).page)).toEqual(['notes:read', 'notes:write'])
    const { access_token } = await toolgate.tokens(person(), client_id, { scope: 'notes:read' })
    await refuse(access_token)
    expect(tickedBeforehand((await consentPage(username)).page)).toEqual(SCOPES)

    const other_client = (await toolgate.register({ client_name: 'Another' })).client_id
    const other_account = (await toolgate.account()).username
    for (const { page } of [await consentPage(username, ask(other_client)), await consentPage(other_account)])
      expect(tickedBeforehand(page)).toEqual(['notes:read', 'notes:write'])
    const refused = { account_id: id, client_id, resource: RESOURCE }
    expect(await scopesRefused(knex(), { ...refused, minutes: 10 })).toEqual(['notes:delete'])
    expect(await scopesRefused(knex(), { ...refused, minutes: 0 })).toEqual([])
    expect(await scopesRefused(knex(), { ...refused, resource: 'http://other/mcp', minutes: 10 })).toEqual([])
  })

  it('is not ticked for another call that was refused, nor because a resource server says so', async () => {
    const { username, person, id } = await toolgate.account()
    const { access_token } = await toolgate.tokens(person(), client_id, { scope: 'notes:read' })
    await toolgate.introspect(rs, access_token, { mcp_method: 'tools/call', mcp_name: 'create_note' })
    const { jti } = await toolgate.introspect(rs, access_token)
    const report = {
      ...{ id: randomUUID(), request_id: randomUUID(), type: 'tool.decided', occurred_at_ms: Date.now() },
      ...{ method: 'tools/call', name: 'delete_note', allowed: false, scope: 'notes:delete' },
      ...{ sub: id, client_id, token_id: jti },
    }
    const headers = { 'content-type': 'application/json' }
    const { client_id: rs_id, client_secret } = rs
    const body = JSON.stringify({ client_id: rs_id, client_secret, reports: [report] })
    expect(
      (await toolgate.fetch('/introspect/reports', { method: 'POST', headers, body })).status,
    ).toBeLessThan(300)
    expect(
      await audited(toolgate, { type: 'tool.decided', tool: 'delete_note', account_id: id }),
    ).toHaveLength(1)
    expect(tickedBeforehand((await consentPage(username)).page)).toEqual(['notes:read', 'notes:write'])
  })
})

describe('Toolgate’s own resource', () => {
  const own = () => ({ resource: `${toolgate.issuer}/operator/mcp`, scope: 'operator:admin' })

  it.each(['Console of operators', 'Claude'])('is refused to %s, which registered itself', async (name) => {
    const { client_id: self } = await toolgate.register({ client_name: name })
    const page = await new Visitor(toolgate.issuer).open(ask(self, own()).url)
    expect(page.html).not.toContain('type="password"')
    expect(page.html + page.url).toMatch(/only(\+|%20| )a(\+|%20| )client/)
    expect(await knex()('grants').where({ client_id: self })).toEqual([])
  })

  it('is asked for with a password typed just now, and nothing of it is ticked but reading', async () => {
    const of_operator = await toolgate.clientOfOperator()
    const { username, id } = await toolgate.account(['operator', 'editor'])
    const { visitor, page } = await consentPage(username)
    expect(page.html).toContain('value="notes:read"')
    // Signed in a moment ago: that counts.
    expect((await visitor.open(ask(of_operator, own()).url)).html).toContain('value="operator:admin"')
    await knex().raw(
      `update oidc_payloads set payload = jsonb_set(payload, '{loginTs}', to_jsonb((payload->>'loginTs')::int - 301))
       where model = 'Session' and payload->>'accountId' = ?`,
      [id],
    )
    const again = await visitor.open(ask(of_operator, own()).url)
    expect(again.html).toContain('type="password"')
    const consent = await visitor.submit(again, { username, password: PASSWORD })
    expect(tickedBeforehand(consent)).toEqual([])
    expect((await visitor.open(ask().url)).html).toContain('value="notes:read"')
  })

  it('is given for a working day at most', async () => {
    const of_operator = await toolgate.clientOfOperator()
    const { person, id } = await toolgate.account(['operator'])
    await toolgate.tokens(person(), of_operator, own())
    const [{ seconds }] = (
      await knex().raw(
        'select extract(epoch from expires_at - now())::int as seconds from grants where account_id = ?',
        [id],
      )
    ).rows
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(8 * 3_600)
  })
})
