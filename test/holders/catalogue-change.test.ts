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

  it('counts who loses by a scope that vanishes and by a resource that moves, each under one name', async () => {
    const { client_id } = await toolgate.register()
    const { person } = await toolgate.account()
    await toolgate.tokens(person(), client_id, { scope: 'notes:delete' })
    await toolgate.tokens(person(), client_id, { scope: 'notes:read' })
    const comparison = await compareCatalogue(toolgate.dependencies.db, without_delete())
    const nobody = { grants: 0, tokens: 0, accounts: 0 }
    expect(comparison.effects).toEqual([
      {
        ...{ id: 'scope:notes:delete', resource: RESOURCE, exact: true },
        ...{ gain: nobody, lose: { grants: 1, tokens: 0, accounts: 1 } },
      },
    ])
    expect(comparison.changes).toContain(`- scope notes:delete on ${RESOURCE}`)
    const all_gone = text.replaceAll('4001', '4999')
    const { effects } = await compareCatalogue(toolgate.dependencies.db, all_gone)
    expect(effects.map(({ id, gain, lose }) => [id, gain.accounts, lose.grants])).toEqual([
      [`resource:${RESOURCE}`, 0, 2],
      ['role:editor', 1, 0],
    ])
  })
})

describe('what is in use', () => {
  const attempt = async (to: string, accept: string[] = []) =>
    changeCatalogue(toolgate.dependencies, await catalogueOf(to), TEST, { accept })
  const effects = async (to: string) =>
    (await compareCatalogue(toolgate.dependencies.db, to)).effects.map(({ id, gain, lose }) => [
      id,
      gain,
      lose,
    ])
  const grants = (count: number) => expect.objectContaining({ grants: count })

  it.each<[what: string, to: () => string, ids: string[], gain: boolean]>([
    [
      'a tool that moves into another scope',
      () =>
        text
          .replace(/ +- delete_note\n/, '')
          .replace('- get_note', '- get_note\n          - delete_note')
          .replace('tools:\n        includes', 'tools: []\n        includes'),
      ['tool:delete_note'],
      true,
    ],
    [
      'a new tool in a scope',
      () => text.replace('- get_note', '- get_note\n          - export_all'),
      ['tool:export_all'],
      true,
    ],
    ['a tool that goes', () => text.replace(/ +- get_note\n/, ''), ['tool:get_note'], false],
    ['a risk that drops', () => text.replace(/ +risk: destructive\n/, ''), ['scope:notes:delete'], true],
    [
      'a scope that includes another',
      () =>
        text
          .replace('risk: read_only', 'risk: read_only\n        includes: [notes:extra]')
          .replace('roles:', '      notes:extra: { description: Extra, tools: [] }\nroles:'),
      ['scope:notes:read'],
      true,
    ],
  ])('%s is counted and refused until it is accepted by its name', async (_, to, ids, gains) => {
    expect((await effects(to())).map(([id]) => id)).toEqual(ids)
    const [[, gain, lose] = []] = await effects(to())
    expect(gains ? gain : lose).toEqual(expect.objectContaining({ accounts: expect.any(Number) }))
    await expect(attempt(to())).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(ids[0]!),
    })
    await expect(attempt(to(), ['tool:other', 'scope:notes'])).rejects.toMatchObject({ code: 'conflict' })
  })

  it('a role that goes or is narrowed counts the accounts that have it, and the grants that lose by it', async () => {
    const gone = text.replace(/\n {2}editor:[\s\S]*$/, '\n')
    expect(await effects(gone)).toEqual([['role:editor', grants(0), grants(2)]])
    const narrowed = text.replace(/(editor:[\s\S]*)\n +- notes:delete/, '$1')
    expect(await effects(narrowed)).toEqual([['role:editor', grants(0), grants(1)]])
  })

  it('is applied when each is named, and what nobody has needs no name', async () => {
    const { db } = toolgate.dependencies
    const renamed = text.replace('Read your notes', 'Read notes')
    await attempt(renamed)
    const wider = text.replace('- get_note', '- get_note\n          - export_all')
    await attempt(wider, ['tool:export_all'])
    await attempt(text, ['tool:export_all'])
    expect(catalogueText((await currentCatalogue(db))!.catalogue)).toBe(text)
  })
})

describe('changeCatalogue', () => {
  it('records what was applied and why, once', async () => {
    const { db } = toolgate.dependencies
    const named = await catalogueOf(text.replace('name: Notes', 'name: Renamed'))
    const first = await changeCatalogue(toolgate.dependencies, named, { ...TEST, reason: 'new name' })
    const again = await changeCatalogue(toolgate.dependencies, named, TEST, {
      expected_version: first.version,
    })
    expect(again).toEqual({ version: first.version, changes: [] })
    const { events } = await pageEvents(db, { type: 'catalogue.applied' }, 10)
    const renaming = events.filter(({ detail }) => detail?.reason === 'new name')
    expect(renaming.map(({ actor_id, detail }) => ({ actor_id, detail }))).toEqual([
      {
        actor_id: 'test@machine',
        detail: { version: first.version, changes: 1, reason: 'new name' },
      },
    ])
  })

  it('of two who replace the same version, one is told of the conflict', async () => {
    const { db } = toolgate.dependencies
    const expected_version = (await currentCatalogue(db))!.version
    const attempts = ['Ada', 'Bo'].map(async (name) =>
      changeCatalogue(
        toolgate.dependencies,
        await catalogueOf(text.replace('name: Notes', `name: ${name}`)),
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
    const other = await catalogueOf(text.replace('name: Notes', 'name: Smuggled'))
    await expect(changeCatalogue(toolgate.dependencies, other, TEST, { digest })).rejects.toMatchObject({
      code: 'conflict',
    })
  })
})
