import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtIn, operatorResourceUrl } from '../../src/api/operator-api/operator-resource.ts'
import { CatalogueCache } from '../../src/catalogue/catalogue-store.ts'
import { consentedScopes } from '../../src/holders/holder-store.ts'
import { scopeHolders } from '../../src/holders/holders.ts'
import { listResources, showResource } from '../../src/holders/resources.ts'
import { RESOURCE, Toolgate } from '../support/toolgate.ts'

let toolgate: Toolgate
let dependencies: Parameters<typeof scopeHolders>[0]

beforeAll(async () => {
  toolgate = await Toolgate.start()
  const { db } = toolgate.dependencies
  dependencies = { db, catalogues: new CatalogueCache(builtIn(toolgate.issuer)) }
  const { client_id } = await toolgate.register()
  const ann = await toolgate.account(['editor'], 'ann')
  await toolgate.account(['reader'], 'bob')
  const cyd = await toolgate.account(['reader', 'editor'], 'cyd')
  await toolgate.account(['auditor'], 'dan')
  await toolgate.tokens(ann.person(), client_id, { scope: 'notes:delete' })
  await toolgate.tokens(cyd.person(), client_id, { scope: 'notes:read' })
})
afterAll(() => toolgate.close())

const holders = (
  scope: string,
  page: { limit: number; after?: string | undefined } = { limit: 10 },
  resource = RESOURCE,
) => scopeHolders(dependencies, { resource, scope }, page)
const names = ({ accounts }: { accounts: { username: string }[] }) => accounts.map(({ username }) => username)

describe('scopeHolders', () => {
  it('knows who may by role, and which grants have it, by inclusion too', async () => {
    const read = await holders('notes:read')
    expect([read.roles, names(read)]).toEqual([
      ['reader', 'editor'],
      ['ann', 'bob', 'cyd'],
    ])
    expect(read.live_grants).toEqual({ count: 2, exact: true })
    const write = await holders('notes:write')
    expect([write.roles, names(write)]).toEqual([['editor'], ['ann', 'cyd']])
    expect(write.newest_grants.map(({ username, scope }) => [username, scope])).toEqual([
      ['ann', 'notes:delete'],
    ])
  })

  it('knows the holders of the built-in scopes', async () => {
    const { roles, accounts } = await holders(
      'operator:read',
      { limit: 10 },
      operatorResourceUrl(toolgate.issuer),
    )
    expect([roles, accounts.map(({ username }) => username)]).toEqual([['operator', 'auditor'], ['dan']])
  })

  it('gives every account once, page by page', async () => {
    const first = await holders('notes:read', { limit: 2 })
    expect(names(first)).toEqual(['ann', 'bob'])
    const second = await holders('notes:read', { limit: 2, after: first.next })
    expect([names(second), second.next]).toEqual([['cyd'], undefined])
  })

  it('does not count a grant that expired', async () => {
    const { db } = toolgate.dependencies
    const change = (seconds: number) =>
      db('grants')
        .where('scope', 'notes:delete')
        .update({ expires_at: db.raw('now() + make_interval(secs => ?)', [seconds]) })
    await change(-1)
    expect((await holders('notes:write')).live_grants.count).toBe(0)
    expect((await holders('notes:write')).newest_grants).toEqual([])
    await change(3_600)
    expect((await holders('notes:write')).live_grants.count).toBe(1)
  })

  it.each([
    ['notes:nothing', RESOURCE],
    ['notes:read', 'http://localhost:1/mcp'],
    ['notes:read', 'nonsense'],
  ])('%s on %s is not found', async (scope, resource) => {
    await expect(holders(scope, { limit: 10 }, resource)).rejects.toMatchObject({ code: 'not_found' })
  })
})

it('a count that did not look at every grant says so', async () => {
  const [looked] = await consentedScopes(dependencies.db, [RESOURCE], 1)
  expect(looked).toMatchObject({ complete: false, counts: [{ grants: 1 }] })
})

describe('resources', () => {
  it('are listed with the built-in one, page by page', async () => {
    const first = await listResources(dependencies, { limit: 1 })
    expect(first).toMatchObject({
      resources: [{ resource: RESOURCE, name: 'Notes', built_in: false, scopes: 3, tools: 5 }],
      next: expect.any(String),
    })
    const second = await listResources(dependencies, { limit: 1, after: first.next })
    expect(second).toMatchObject({ resources: [{ built_in: true }] })
    expect(second.next).toBeUndefined()
    const gone = Buffer.from('{"resource":"http://gone.example"}').toString('base64url')
    expect(await listResources(dependencies, { limit: 1, after: gone })).toEqual({ resources: [] })
  })

  it('one shows what each scope opens, who holds it, and the calls of the last day', async () => {
    const { db } = dependencies
    const count = (tool: string, decision: string, calls: number, hours_ago: number) =>
      db('usage_hours').insert({
        hour: db.raw("date_trunc('hour', now()) - make_interval(hours => ?)", [hours_ago]),
        resource: RESOURCE,
        tool,
        decision,
        calls,
      })
    await count('get_note', 'allowed', 7, 0)
    await count('get_note', 'allowed', 5, 30)
    await count('delete_note', 'denied', 2, 3)
    const shown = await showResource(dependencies, RESOURCE)
    expect(shown.calls).toEqual({ allowed: 7, denied: 2 })
    expect(shown.called_tools).toEqual([
      { tool: 'get_note', allowed: 7, denied: 0 },
      { tool: 'delete_note', allowed: 0, denied: 2 },
    ])
    expect(shown.scope_details[1]).toMatchObject({
      name: 'notes:write',
      opens: ['create_note', 'get_note', 'search_notes', 'update_note'],
      roles: ['editor'],
      default: false,
      live_grants: { count: 1, exact: true },
    })
  })
})
