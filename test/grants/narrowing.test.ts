import { asyncProperty, constantFrom, assert as holds, subarray, uniqueArray } from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { showGrant } from '../../src/grants/grants.ts'
import { narrowGrant } from '../../src/grants/narrowing.ts'
import { grantOf } from '../support/families.ts'
import { RESOURCE, type Tokens, Toolgate } from '../support/toolgate.ts'

let toolgate: Toolgate
let rs: { client_id: string; client_secret: string }
let client_id: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  rs = await toolgate.resourceServer()
  client_id = (await toolgate.register()).client_id
})
afterAll(() => toolgate.close())

async function family(): Promise<{ id: string; tokens: Tokens; account_id: string }> {
  const { person, id: account_id } = await toolgate.account()
  const tokens = await toolgate.tokens(person(), client_id)
  return { id: await grantOf(toolgate, tokens.refresh_token), tokens, account_id }
}

const call = { mcp_method: 'tools/call', mcp_name: 'create_note' }
const narrow = (change: { id: string; scopes: string[]; account_id?: string }) =>
  narrowGrant(toolgate.dependencies, { ...change }, { actor: { kind: 'operator_token', id: 'test' } })

describe('narrowing a grant', () => {
  it('is in effect at the next introspection and at every refresh after it', async () => {
    const { id, tokens, account_id } = await family()
    expect(await toolgate.introspect(rs, tokens.access_token, call)).toMatchObject({ mcp: { allowed: true } })
    expect(await narrow({ id, scopes: ['notes:read'], account_id })).toEqual({
      id,
      scope: 'notes:read',
      removed: ['notes:write'],
    })
    expect(await toolgate.introspect(rs, tokens.access_token, call)).toMatchObject({
      active: true,
      scope: 'notes:read',
      mcp: { allowed: false },
    })
    let { refresh_token } = tokens
    for (let turn = 0; turn < 2; turn += 1) {
      const answer = (await (await toolgate.refresh(client_id, refresh_token)).json()) as Tokens
      expect(answer.scope).toBe('notes:read')
      expect(await toolgate.introspect(rs, answer.access_token, call)).toMatchObject({
        mcp: { allowed: false },
      })
      refresh_token = answer.refresh_token
    }
  })

  it('is recorded with what went and what stays; what is so already is neither changed nor recorded', async () => {
    const { id, account_id } = await family()
    await narrow({ id, scopes: ['notes:read'] })
    expect(await narrow({ id, scopes: ['notes:read'] })).toEqual({ id, scope: 'notes:read', removed: [] })
    const { events } = await pageEvents(
      toolgate.db.database.knex,
      { grant_id: id, type: 'grant.narrowed' },
      10,
    )
    expect(events).toMatchObject([
      {
        actor_kind: 'operator_token',
        actor_id: 'test',
        account_id,
        resource: RESOURCE,
        scope: 'notes:read',
        detail: { removed: ['notes:write'] },
      },
    ])
  })

  it('of another account, or of one that is gone, is not found', async () => {
    const { id } = await family()
    for (const wrong of [{ id, account_id: 'usr_other' }, { id: 'gr_gone' }])
      await expect(narrow({ scopes: ['notes:read'], ...wrong })).rejects.toMatchObject({ code: 'not_found' })
  })

  it('never widens it, whatever is asked in whatever order', async () => {
    const { id } = await family()
    const names = ['notes:read', 'notes:write', 'notes:delete', '', ' ', 'notes:read notes:write']
    const asked = uniqueArray(constantFrom(...names), { maxLength: 4 })
    await holds(
      asyncProperty(asked, subarray(names), async (one, other) => {
        const before = new Set((await showGrant(toolgate.dependencies, id)).scope.split(' '))
        await Promise.allSettled([narrow({ id, scopes: one }), narrow({ id, scopes: other })])
        const after = (await showGrant(toolgate.dependencies, id)).scope.split(' ')
        expect(after.length).toBeGreaterThan(0)
        expect(after.filter((name) => !before.has(name))).toEqual([])
      }),
      { numRuns: 25 },
    )
  })

  it('takes what includes a scope with it, and says so where nothing would stay', async () => {
    const { person } = await toolgate.account()
    const scope = 'notes:read notes:write notes:delete'
    const id = await grantOf(toolgate, (await toolgate.tokens(person(), client_id, { scope })).refresh_token)
    await expect(narrow({ id, scopes: ['notes:delete'] })).rejects.toThrow('includes what is taken away')
    expect(await narrow({ id, scopes: ['notes:read', 'notes:delete'] })).toMatchObject({
      scope: 'notes:read',
      removed: ['notes:write', 'notes:delete'],
    })
  })

  it('that leaves nothing, or asks for more, is refused with what to do', async () => {
    const { id } = await family()
    await expect(narrow({ id, scopes: [] })).rejects.toThrow('revoke the grant')
    await expect(narrow({ id, scopes: ['notes:read', 'notes:delete'] })).rejects.toThrow('only lose scopes')
  })
})
