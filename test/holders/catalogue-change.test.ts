import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pageEvents } from '../../src/audit/query/audit-store.ts'
import { currentCatalogue } from '../../src/catalogue/catalogue-store.ts'
import { catalogueText } from '../../src/catalogue/catalogue-text.ts'
import { catalogueOf, changeCatalogue, compareCatalogue } from '../../src/holders/catalogue-change.ts'
import { by, TEST } from '../support/origins.ts'
import { RESOURCE, Toolgate } from '../support/toolgate.ts'

let toolgate: Toolgate
let text: string

beforeAll(async () => {
  toolgate = await Toolgate.start()
  text = catalogueText((await currentCatalogue(toolgate.dependencies.db))!.catalogue)
})
afterAll(() => toolgate.close())

const without_delete = () =>
  text.replace(/ {6}notes:delete:[\s\S]*?risk: destructive\n/, '').replace(/\n +- notes:delete/g, '')

describe('compareCatalogue', () => {
  it('names every fault and says nothing else', async () => {
    const { faults, changes, digest } = await compareCatalogue(
      toolgate.dependencies.db,
      'resources: []\nrolls: 1',
    )
    expect(faults).toHaveLength(3)
    expect([changes, digest]).toEqual([[], ''])
  })

  it('counts the live grants that have a scope that vanishes, by inclusion too', async () => {
    const { client_id } = await toolgate.register()
    const { person } = await toolgate.account()
    await toolgate.tokens(person(), client_id, { scope: 'notes:delete' })
    await toolgate.tokens(person(), client_id, { scope: 'notes:read' })
    const comparison = await compareCatalogue(toolgate.dependencies.db, without_delete())
    expect(comparison.lost_scopes).toEqual([
      { resource: RESOURCE, scope: 'notes:delete', live_grants: { count: 1, exact: true } },
    ])
    expect(comparison.changes).toContain(`- scope notes:delete on ${RESOURCE}`)
    const all_gone = text.replaceAll('4001', '4999')
    const { lost_scopes } = await compareCatalogue(toolgate.dependencies.db, all_gone)
    expect(lost_scopes.map(({ scope, live_grants }) => [scope, live_grants.count])).toEqual([
      ['notes:read', 2],
      ['notes:write', 1],
      ['notes:delete', 1],
    ])
  })
})

describe('changeCatalogue', () => {
  it('records what was applied and why, once', async () => {
    const { db } = toolgate.dependencies
    const named = catalogueOf(text.replace('name: Notes', 'name: Renamed'))
    const first = await changeCatalogue(toolgate.dependencies, named, { ...TEST, reason: 'new name' })
    const again = await changeCatalogue(toolgate.dependencies, named, TEST, { expected_version: 1 })
    expect(again).toEqual({ version: first.version, changes: [] })
    const { events } = await pageEvents(db, { type: 'catalogue.applied' }, 10)
    expect(events.map(({ actor_id, detail }) => ({ actor_id, detail }))).toEqual([
      {
        actor_id: 'test@machine',
        detail: { version: first.version, changes: 1, reason: 'new name' },
      },
    ])
  })

  it('of two who replace the same version, one is told of the conflict', async () => {
    const { db } = toolgate.dependencies
    const expected_version = (await currentCatalogue(db))!.version
    const attempts = ['Ada', 'Bo'].map((name) =>
      changeCatalogue(
        toolgate.dependencies,
        catalogueOf(text.replace('name: Notes', `name: ${name}`)),
        by(name),
        { expected_version },
      ),
    )
    const results = await Promise.allSettled(attempts)
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    const refused = results.find((result) => result.status === 'rejected')
    expect(refused?.reason).toMatchObject({ code: 'conflict' })
  })

  it('refuses another catalogue than the one that was looked at', async () => {
    const { digest } = await compareCatalogue(toolgate.dependencies.db, text)
    const other = catalogueOf(text.replace('name: Notes', 'name: Smuggled'))
    await expect(changeCatalogue(toolgate.dependencies, other, TEST, { digest })).rejects.toMatchObject({
      code: 'conflict',
    })
  })
})
