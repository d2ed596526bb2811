// Whoever gets more by a change of the catalogue than anybody allowed: a client, or the thief of its token, for whom a tool is
// moved into a scope that it has, a scope comes to include another, a wildcard becomes wider, a risk is dropped.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { explainEvent } from '../../src/audit/explanation/explanation.ts'
import { narrowGrant } from '../../src/grants/narrowing.ts'
import { catalogueOf, changeCatalogue, compareCatalogue } from '../../src/holders/catalogue-change.ts'
import { createPersonalToken, rotatePersonalToken } from '../../src/personal-tokens/personal-access-tokens.ts'
import { showPersonalToken } from '../../src/personal-tokens/personal-token-views.ts'
import { grantOf } from '../support/families.ts'
import { by, TEST } from '../support/origins.ts'
import { PASSWORD, RESOURCE, type Tokens, Toolgate } from '../support/toolgate.ts'
import { authorizationRequest, Visitor } from '../support/visitor.ts'
import { audited } from '../support/with-notes.ts'

const BEFORE = `
resources:
  - resource: ${RESOURCE}
    name: Notes
    default_scopes: [notes:read]
    scopes:
      notes:read: { description: Read your notes, tools: [get_note], resources: ['notes://own/*'], risk: read_only }
      notes:write: { description: Change notes, tools: [create_note] }
      notes:delete: { description: Delete notes, tools: [delete_note], risk: destructive }
      notes:admin: { description: Administer, tools: [export_all] }
roles:
  editor: { ${RESOURCE}: [notes:read, notes:write, notes:delete, notes:admin] }
`
const CHANGES: [what: string, to: string, method: string, name: string, accept: string][] = [
  [
    'a tool is moved from a destructive scope into it',
    BEFORE.replace('[get_note]', '[get_note, delete_note]').replace('tools: [delete_note]', 'tools: []'),
    ...['tools/call', 'delete_note', 'tool:delete_note'],
  ] as [string, string, string, string, string],
  [
    'a new tool is put under it',
    BEFORE.replace('[get_note]', '[get_note, wipe]'),
    ...['tools/call', 'wipe', 'tool:wipe'],
  ] as [string, string, string, string, string],
  [
    'it comes to include another',
    BEFORE.replace('risk: read_only', 'risk: read_only, includes: [notes:admin]'),
    ...['tools/call', 'export_all', 'scope:notes:read'],
  ] as [string, string, string, string, string],
  [
    'its wildcard is widened',
    BEFORE.replace('notes://own/*', 'notes://*'),
    ...['resources/read', 'notes://others/1', 'mcp-resource:notes://*'],
  ] as [string, string, string, string, string],
]

let toolgate: Toolgate
let rs: { client_id: string; client_secret: string }
let client_id: string

beforeAll(async () => {
  toolgate = await Toolgate.start({ catalogue: BEFORE })
  rs = await toolgate.resourceServer()
  client_id = (await toolgate.register()).client_id
})
afterAll(() => toolgate.close())

async function apply(to: string): Promise<void> {
  const { effects } = await compareCatalogue(toolgate.dependencies.db, to)
  const accept = effects.map(({ id }) => id)
  await changeCatalogue(toolgate.dependencies, await catalogueOf(to), TEST, { accept })
}

async function decision(token: string, mcp_method: string, mcp_name?: string) {
  const answer = await toolgate.introspect(rs, token, { mcp_method, ...(mcp_name ? { mcp_name } : {}) })
  return answer.mcp as { allowed: boolean; scope: string; risk?: string; tools?: string[] }
}

describe.each(CHANGES)('where %s', (_, to, method, name, accept) => {
  it('nobody gets it who did not see it: not the token, its successors, nor what is left of it', async () => {
    const { username, person } = await toolgate.account()
    const tokens = await toolgate.tokens(person(), client_id, { scope: 'notes:read notes:write' })
    const grant_id = await grantOf(toolgate, tokens.refresh_token)
    await expect(
      changeCatalogue(toolgate.dependencies, await catalogueOf(to), TEST, { accept: ['tool:get_note'] }),
    ).rejects.toThrow(accept)
    await apply(to)
    try {
      const refused = await decision(tokens.access_token, method, name)
      expect(refused.allowed).toBe(false)
      expect(refused.scope).not.toBe('')
      expect((await decision(tokens.access_token, 'tools/list')).tools).toEqual(['create_note', 'get_note'])
      expect((await decision(tokens.access_token, 'tools/call', 'get_note')).allowed).toBe(true)

      const next = (await (await toolgate.refresh(client_id, tokens.refresh_token)).json()) as Tokens
      await narrowGrant(toolgate.dependencies, { id: grant_id, scopes: ['notes:read'] }, TEST)
      for (const { access_token } of [tokens, next])
        expect((await decision(access_token, method, name)).allowed).toBe(false)

      const events = await audited(toolgate, { type: 'tool.decided', grant_id, decision: 'denied' })
      const { verdict } = await explainEvent(toolgate.dependencies, events[0]?.id as string)
      expect(verdict).toBe('consent_is_older')
      const [, granted] = await Promise.all([
        grantPage(username, grant_id),
        consentAnew(username, refused.scope),
      ])
      expect((await decision(granted.access_token, method, name)).allowed).toBe(true)
      expect((await decision(next.access_token, method, name)).allowed).toBe(false)
    } finally {
      await apply(BEFORE)
    }
  })

  /** The person's own page says what is withheld. */
  async function grantPage(username: string, grant_id: string): Promise<void> {
    const visitor = new Visitor(toolgate.issuer)
    const login = await visitor.open(`${toolgate.issuer}/account/apps/${grant_id}`)
    const page = await visitor.submit(login, { username, password: PASSWORD })
    const app = page.html.includes('Since you allowed this app')
      ? page
      : await visitor.open(`${toolgate.issuer}/account/apps/${grant_id}`)
    expect(app.html).toContain('Since you allowed this app')
    expect(app.html).toContain(`<code class="chip">${name.startsWith('notes:') ? 'notes://*' : name}</code>`)
  }

  /** The consent page shows the difference, and what is allowed there is allowed. */
  async function consentAnew(username: string, scope: string): Promise<Tokens> {
    const request = authorizationRequest(toolgate.issuer, client_id, { scope: `notes:read ${scope}` })
    const visitor = new Visitor(toolgate.issuer)
    const page = await visitor.submit(await visitor.open(request.url), { username, password: PASSWORD })
    expect(page.html).toContain('New since you allowed this app before')
    const left = await visitor.submit(page, {}, [...new Set(['notes:read', ...scope.split(' ')])])
    const code = left.url.searchParams.get('code') ?? ''
    return (await (await toolgate.redeem(client_id, code, request.code_verifier)).json()) as Tokens
  }

  it('a personal access token does not have it either, whatever it is rotated to', async () => {
    const { username } = await toolgate.account()
    const asked = {
      account: username,
      resource: RESOURCE,
      role: 'read-only',
      scopes: [],
      name: 'x',
      days: 1,
    } as const
    const made = await createPersonalToken(toolgate.dependencies, asked, by(username))
    await apply(to)
    try {
      const rotated = await rotatePersonalToken(
        toolgate.dependencies,
        { id: made.id },
        { overlap_hours: 1 },
        TEST,
      )
      for (const { token } of [made, rotated])
        expect((await decision(token, method, name)).allowed).toBe(false)
      const { withheld } = await showPersonalToken(toolgate.dependencies, { id: made.id })
      expect(withheld).toEqual([name.startsWith('notes:') ? 'notes://*' : name])
    } finally {
      await apply(BEFORE)
    }
  })
})

describe('what becomes less', () => {
  it('is less at once', async () => {
    const { person } = await toolgate.account()
    const { access_token } = await toolgate.tokens(person(), client_id, { scope: 'notes:read' })
    await apply(BEFORE.replace('tools: [get_note]', 'tools: []'))
    expect((await decision(access_token, 'tools/call', 'get_note')).allowed).toBe(false)
    await apply(BEFORE)
    // It was seen, so it is no growth when it comes back.
    expect((await decision(access_token, 'tools/call', 'get_note')).allowed).toBe(true)
  })

  it('a risk that is dropped stays for whoever was told it, so that no guard keeps the answer', async () => {
    const { person } = await toolgate.account()
    const { access_token } = await toolgate.tokens(person(), client_id, { scope: 'notes:delete' })
    await apply(BEFORE.replace('risk: destructive', 'risk: read_only'))
    expect(await decision(access_token, 'tools/call', 'delete_note')).toMatchObject({
      allowed: true,
      risk: 'destructive',
    })
    const anew = await toolgate.tokens(person(), client_id, { scope: 'notes:delete' })
    expect(await decision(anew.access_token, 'tools/call', 'delete_note')).toMatchObject({
      risk: 'read_only',
    })
    await apply(BEFORE)
  })
})

describe('a page that was open while the catalogue changed', () => {
  it('consents to nothing: it is shown again', async () => {
    const { username } = await toolgate.account()
    const request = authorizationRequest(toolgate.issuer, client_id, { scope: 'notes:read' })
    const visitor = new Visitor(toolgate.issuer)
    const page = await visitor.submit(await visitor.open(request.url), { username, password: PASSWORD })
    await apply(BEFORE.replace('[get_note]', '[get_note, wipe]'))
    for (const stale of [
      {},
      { catalogue_version: '' },
      { catalogue_version: '999999' },
      { catalogue_version: '1e1' },
    ]) {
      const again = await visitor.submit(page, stale, ['notes:read'])
      expect([again.left, again.status, again.html.includes('wipe')]).toEqual([false, 400, true])
    }
    const again = await visitor.open(page.url)
    expect((await visitor.submit(again, {}, ['notes:read'])).left).toBe(true)
    await apply(BEFORE)
  })
})

describe('a grant of which nobody knows what was seen', () => {
  it('opens nothing', async () => {
    const { person, id } = await toolgate.account()
    const { access_token } = await toolgate.tokens(person(), client_id, { scope: 'notes:read' })
    for (const scope_versions of [[], [0], [987_654]]) {
      await toolgate.db.database.knex('grants').where({ account_id: id }).update({ scope_versions })
      const answer = await toolgate.introspect(rs, access_token, { mcp_method: 'tools/list' })
      expect(answer).toMatchObject({ active: true, scope: '', mcp: { tools: [] } })
    }
  })
})
