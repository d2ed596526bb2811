import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import { pageOfGrants, pageOfRefreshTokens } from '../../../src/grants/grants.ts'
import { signedIn } from '../../support/signed-in.ts'
import { RESOURCE, Toolgate } from '../../support/toolgate.ts'

const AT = '/operator/refresh-tokens'
let toolgate: Toolgate
let client_id: string
let operator: Awaited<ReturnType<typeof signedIn>>
let auditor: Awaited<ReturnType<typeof signedIn>>

beforeAll(async () => {
  toolgate = await Toolgate.start()
  client_id = (await toolgate.register()).client_id
  operator = await signedIn(toolgate, ['operator'])
  auditor = await signedIn(toolgate, ['auditor'])
})
afterAll(() => toolgate.close())

async function family(account?: Awaited<ReturnType<Toolgate['account']>>) {
  const { person, username } = account ?? (await toolgate.account())
  await toolgate.tokens(person(), client_id)
  const { refresh_tokens } = await pageOfRefreshTokens(toolgate.dependencies, { account: username })
  return { id: refresh_tokens[0]!.id, grant_id: refresh_tokens[0]!.grant_id, username }
}

const isThere = async (id: string) => (await pageOfGrants(toolgate.dependencies, { id })).grants.length === 1
const reasonsOf = async (grant_id: string) => {
  const filter = { grant_id, type: 'grant.revoked' } as const
  return (await pageEvents(toolgate.db.database.knex, filter, 10)).events.map(({ detail }) => detail)
}

describe('the list', () => {
  it('is found by each filter, and leads to the grant', async () => {
    const { id, grant_id, username } = await family()
    const given = async (filter: Record<string, string>) => {
      const empty = { account: '', client_id: '', resource: '', scope: '', unused_since: '' }
      return (await operator.get(`${AT}?${new URLSearchParams({ ...empty, account: username, ...filter })}`))
        .html
    }
    for (const filter of [
      {},
      { client_id },
      { resource: RESOURCE },
      { scope: 'notes:write' },
      { unused_since: '2099-01-01' },
    ]) {
      const html = await given(filter)
      expect(html).toContain(`${AT}/${id}/revoke`)
      expect(html).toContain(`href="/operator/grants/${grant_id}"`)
    }
    for (const filter of [{ client_id: 'x' }, { scope: 'notes:delete' }, { unused_since: '2020-01-01' }])
      expect(await given(filter)).toContain('No live refresh token matches')
  })

  it('goes on where a page ended', async () => {
    const account = await toolgate.account()
    const ids = [await family(account), await family(account)].map(({ id }) => id)
    const { next } = await pageOfRefreshTokens(
      toolgate.dependencies,
      { account: account.username },
      { limit: 1 },
    )
    const query = new URLSearchParams({ account: account.username, after: next! })
    const { html } = await operator.get(`${AT}?${query}`)
    expect([html.includes(ids[0]!), html.includes(ids[1]!)]).toEqual([true, false])
  })

  it('shows forms only to who may send them', async () => {
    const { id, username } = await family()
    const { html } = await auditor.get(`${AT}?account=${username}`)
    expect(html).toContain(id)
    expect(html).not.toContain(`${AT}/${id}/revoke`)
    expect(html).not.toContain('Revoke all that match')
    expect((await auditor.get(`${AT}/revoke?account=${username}`)).status).toBe(403)
  })

  it.each([
    '?account=a&account=b',
    '?after=x',
    '?unused_since=yesterday',
    '?scope=%00',
    '/revoke',
    '/revoke?account=',
  ])('%s is a 400', async (query) => {
    expect((await operator.get(`${AT}${query}`)).status).toBe(400)
  })
})

describe('revoking', () => {
  it('one: with a reason, with its grant, and again without harm', async () => {
    const [one, other] = [await family(), await family()]
    const at = `${AT}/${one.id}/revoke`
    expect((await operator.post(at, {})).status).toBe(400)
    expect(await isThere(one.grant_id)).toBe(true)
    for (const _ of ['once', 'again']) {
      const { status, location } = await operator.post(at, { reason: 'lost laptop' })
      expect([status, location]).toEqual([303, AT])
    }
    expect([await isThere(one.grant_id), await isThere(other.grant_id)]).toEqual([false, true])
    expect(await reasonsOf(one.grant_id)).toEqual([{ reason: 'lost laptop' }])
    expect((await operator.post(`${AT}/x/revoke`, { reason: 'no id' })).status).toBe(400)
  })

  it('all that match a filter: previewed, with a reason, and nothing without a filter', async () => {
    const [one, other] = [await family(), await family()]
    const { html } = await operator.get(`${AT}?account=${one.username}`)
    expect(html).toContain(`href="${AT}/revoke?account=${one.username}"`)
    const shown = await operator.get(`${AT}/revoke?account=${one.username}`)
    expect(shown.html).toContain(`action="${AT}/revoke"`)
    expect(shown.html).toContain('Revoke 1 grant')
    const { username: account } = one
    expect((await operator.post(`${AT}/revoke`, { account })).status).toBe(400)
    expect((await operator.post(`${AT}/revoke`, { reason: 'everything' })).status).toBe(400)
    expect(await isThere(one.grant_id)).toBe(true)
    expect((await operator.post(`${AT}/revoke`, { account, reason: 'left' })).status).toBe(303)
    expect([await isThere(one.grant_id), await isThere(other.grant_id)]).toEqual([false, true])
    expect(await reasonsOf(one.grant_id)).toEqual([{ reason: 'left' }])
  })
})
