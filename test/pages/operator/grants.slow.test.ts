import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageEvents } from '../../../src/audit/query/audit-store.ts'
import { pageOfGrants, showGrant } from '../../../src/grants/grants.ts'
import { grantOf } from '../../support/families.ts'
import { PASSWORD, RESOURCE, Toolgate } from '../../support/toolgate.ts'

let toolgate: Toolgate
let client_id: string
let operator: string
let auditor: string
const NAME = '<i>Evil & Co</i>'

beforeAll(async () => {
  toolgate = await Toolgate.start()
  client_id = (await toolgate.register({ client_name: NAME })).client_id
  operator = await cookieOf(['operator'])
  auditor = await cookieOf(['auditor'])
})
afterAll(() => toolgate.close())

async function cookieOf(roles: string[]): Promise<string> {
  const { username } = await toolgate.account(roles)
  const response = await toolgate.post('/sign-in', { username, password: PASSWORD })
  return response.headers.get('set-cookie')?.split(';')[0] ?? ''
}

async function family(): Promise<{ id: string; username: string }> {
  const { person, username } = await toolgate.account()
  const { refresh_token } = await toolgate.tokens(person(), client_id)
  return { id: await grantOf(toolgate, refresh_token), username }
}

async function see(path: string, cookie = operator): Promise<string> {
  const response = await toolgate.fetch(path, { headers: { cookie } })
  expect([path, response.status]).toEqual([path, 200])
  return response.text()
}

/** Sends what a form of a page would, with its token. */
async function submit(shown: string, path: string, fields: [string, string][]): Promise<Response> {
  const csrf = /name="csrf" value="([^"]+)"/.exec(shown)?.[1] ?? ''
  return toolgate.fetch(path, {
    method: 'POST',
    headers: { cookie: operator, origin: new URL(toolgate.issuer).origin },
    body: new URLSearchParams([['csrf', csrf], ...fields]),
  })
}

const isThere = async (id: string) => (await pageOfGrants(toolgate.dependencies, { id })).grants.length === 1

describe('the list', () => {
  it('is found by each filter, sent by a form with its empty fields', async () => {
    const { id, username } = await family()
    const given = (filter: Record<string, string>) => {
      const empty = { account: '', client_id: '', resource: '', scope: '', unused_since: '' }
      return see(`/operator/grants?${new URLSearchParams({ ...empty, account: username, ...filter })}`)
    }
    for (const filter of [
      {},
      { client_id },
      { resource: RESOURCE },
      { scope: 'notes:write' },
      { unused_since: '2099-01-01' },
    ])
      expect(await given(filter)).toContain(`value="${id}"`)
    for (const filter of [{ client_id: 'x' }, { scope: 'notes:delete' }, { unused_since: '2020-01-01' }])
      expect(await given(filter)).toContain('No live grant matches')
  })

  it('shows names from outside as text, and forms only to who may send them', async () => {
    await family()
    const [seen, looked] = [await see('/operator/grants'), await see('/operator/grants', auditor)]
    for (const page of [seen, looked]) {
      expect(page).toContain('&lt;i&gt;Evil &amp; Co&lt;/i&gt;')
      expect(page).not.toContain(NAME)
    }
    expect(seen).toContain('Revoke selected')
    expect(looked).not.toContain('Revoke selected')
  })

  it.each(['account=a&account=b', 'after=x', 'unused_since=yesterday', 'scope=%00'])(
    '?%s is a 400',
    async (query) => {
      const response = await toolgate.fetch(`/operator/grants?${query}`, { headers: { cookie: operator } })
      expect(response.status).toBe(400)
    },
  )
})

describe('revoking', () => {
  it('a selection: previewed, with a reason, recorded', async () => {
    const [one, two, other] = [await family(), await family(), await family()]
    const selection: [string, string][] = [
      ['ids', one.id],
      ['ids', two.id],
    ]
    const shown = await see(`/operator/grants/revoke?${new URLSearchParams(selection)}`)
    expect(shown).toContain('Revoke 2 grants')
    expect(shown).toContain(one.username)
    const without = await submit(shown, '/operator/grants/revoke', selection)
    expect([without.status, await isThere(one.id)]).toEqual([400, true])
    const done = await submit(shown, '/operator/grants/revoke', [...selection, ['reason', 'lost laptops']])
    expect([done.status, done.headers.get('location')]).toEqual([303, '/operator/grants'])
    expect([await isThere(one.id), await isThere(two.id), await isThere(other.id)]).toEqual([
      false,
      false,
      true,
    ])
    const { events } = await pageEvents(
      toolgate.db.database.knex,
      { grant_id: one.id, type: 'grant.revoked' },
      10,
    )
    expect(events).toMatchObject([{ detail: { reason: 'lost laptops' } }])
  })

  it('all that match a filter, and nothing without one', async () => {
    const [one, other] = [await family(), await family()]
    const shown = await see(`/operator/grants/revoke?account=${one.username}`)
    await submit(shown, '/operator/grants/revoke', [
      ['account', one.username],
      ['reason', 'left'],
    ])
    expect([await isThere(one.id), await isThere(other.id)]).toEqual([false, true])
    const nothing = await submit(shown, '/operator/grants/revoke', [['reason', 'everything']])
    expect([nothing.status, await isThere(other.id)]).toEqual([400, true])
    expect(await see('/operator/grants/revoke?account=nobody')).toContain('Nothing to revoke')
  })

  it('is not for who may only look', async () => {
    const { id } = await family()
    const response = await toolgate.fetch(`/operator/grants/revoke?ids=${id}`, {
      headers: { cookie: auditor },
    })
    expect(response.status).toBe(403)
    expect(await see(`/operator/grants/${id}`, auditor)).not.toContain(`/${id}/revoke`)
  })
})

describe('one grant', () => {
  it('shows what it may do and what it did, is narrowed, then revoked', async () => {
    const { id } = await family()
    const at = `/operator/grants/${id}`
    const shown = await see(at)
    for (const text of ['notes:write', 'create_note', '127.0.0.1:33418', `/operator/audit/story/${id}`])
      expect(shown).toContain(text)
    const reason: [string, string] = ['reason', 'too much']
    expect((await submit(shown, `${at}/narrow`, [reason])).status).toBe(400)
    const wider = [['scopes', 'notes:read'], ['scopes', 'notes:delete'], reason] as [string, string][]
    expect((await submit(shown, `${at}/narrow`, wider)).status).toBe(400)
    const narrowed = await submit(shown, `${at}/narrow`, [['scopes', 'notes:read'], reason])
    expect([narrowed.status, narrowed.headers.get('location')]).toEqual([303, at])
    expect((await showGrant(toolgate.dependencies, id)).scope).toBe('notes:read')
    expect((await submit(shown, `${at}/revoke`, [])).status).toBe(400)
    expect((await submit(shown, `${at}/revoke`, [reason])).status).toBe(303)
    expect((await toolgate.fetch(at, { headers: { cookie: operator } })).status).toBe(404)
  })
})
