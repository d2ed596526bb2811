import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Catalogue, catalogueDocument } from '../../src/catalogue/catalogue.ts'
import { diffCatalogues } from '../../src/catalogue/catalogue-diff.ts'
import type { Scope } from '../../src/permission/scopes.ts'

const read: Scope = { name: 'notes:read', description: 'Read', tools: ['get_note'], includes: [] }
const write: Scope = { name: 'notes:write', description: 'Write', tools: ['edit'], includes: ['notes:read'] }
const wipe: Scope = {
  name: 'notes:delete',
  description: 'Delete',
  tools: ['delete_note'],
  includes: [],
  risk: 'destructive',
}
const URI = 'https://rs.example'

function notes(scopes: Scope[], held: string[] = ['notes:read']): Catalogue {
  return {
    resources: [{ resource: URI, name: 'Notes', default_scopes: ['notes:read'], scopes }],
    roles: [{ name: 'editor', grants: [{ resource: URI, scopes: held }] }],
  }
}

const names = fc.subarray(['a', 'b', 'c', '__proto__'])
const anyScope: fc.Arbitrary<Omit<Scope, 'name'>> = fc.oneof(
  fc.record({ description: fc.string(), tools: names, includes: names }),
  fc.record({
    description: fc.string(),
    tools: names,
    includes: names,
    risk: fc.constant('destructive' as const),
  }),
)
const anyCatalogue: fc.Arbitrary<Catalogue> = fc.record({
  resources: fc.uniqueArray(
    fc.record({
      resource: fc.constantFrom('https://a.example', 'https://b.example'),
      name: fc.constantFrom('A', 'B'),
      default_scopes: names,
      scopes: fc.uniqueArray(
        fc.tuple(fc.constantFrom('a', 'b', 'c'), anyScope).map(([name, scope]) => ({ name, ...scope })),
        { selector: (scope) => scope.name, maxLength: 3 },
      ),
    }),
    { selector: (resource) => resource.resource, maxLength: 2 },
  ),
  roles: fc.uniqueArray(
    fc.record({
      name: fc.constantFrom('r', 's'),
      grants: fc.uniqueArray(fc.record({ resource: fc.constant('https://a.example'), scopes: names }), {
        selector: (grant) => grant.resource,
      }),
    }),
    { selector: (role) => role.name, maxLength: 2 },
  ),
})

describe('diffCatalogues', () => {
  it('without a catalogue before, everything is new', () => {
    expect(diffCatalogues(undefined, notes([read, write, wipe]))).toEqual([
      `+ resource ${URI} (Notes), by default notes:read`,
      `+ scope notes:read on ${URI} opens get_note`,
      `+ scope notes:write on ${URI} opens edit, includes notes:read`,
      `+ scope notes:delete on ${URI} opens delete_note, destructive`,
      '+ role editor',
      `~ role editor on ${URI}: + notes:read`,
    ])
  })

  it('a new scope is told with its tools, and what a role gains', () => {
    expect(diffCatalogues(notes([read]), notes([read, wipe], ['notes:read', 'notes:delete']))).toEqual([
      `+ scope notes:delete on ${URI} opens delete_note, destructive`,
      `~ role editor on ${URI}: + notes:delete`,
    ])
  })

  it('a scope that goes away is told with the tools that nothing opens any more', () => {
    expect(diffCatalogues(notes([read, wipe]), notes([read], []))).toEqual([
      `- scope notes:delete on ${URI}`,
      `- tool delete_note on ${URI} no longer opened`,
      `~ role editor on ${URI}: - notes:read`,
    ])
  })

  it('a tool that is new, moved or gone is told', () => {
    const before = notes([{ ...read, tools: ['get_note', 'peek'] }, write])
    const after = notes([
      { ...read, tools: ['list'] },
      { ...write, tools: ['edit', 'peek'] },
    ])
    expect(diffCatalogues(before, after)).toEqual([
      `+ tool list on ${URI} opened by notes:read`,
      `~ tool peek on ${URI} opened by notes:write, was notes:read`,
      `- tool get_note on ${URI} no longer opened`,
    ])
  })

  it('what people read, what is included and what is destructive is told', () => {
    const after = notes([read, { ...write, description: 'Change', includes: [], risk: 'destructive' }])
    expect(diffCatalogues(notes([read, write]), after)).toEqual([
      `~ scope notes:write on ${URI} includes - notes:read`,
      `~ scope notes:write on ${URI} is now destructive`,
      `~ scope notes:write on ${URI} reads "Change"`,
    ])
  })

  it('another order alone is a change, because people see the order', () => {
    expect(diffCatalogues(notes([read, write]), notes([write, read]))).toEqual([
      '~ only the order of entries',
    ])
  })

  it('a catalogue does not differ from itself, whatever the order of its keys', () => {
    fc.assert(
      fc.property(anyCatalogue, (catalogue) => {
        const turned = JSON.parse(JSON.stringify(catalogue), (_key, value) =>
          value && typeof value === 'object' && !Array.isArray(value)
            ? Object.fromEntries(Object.entries(value).reverse())
            : value,
        )
        expect(diffCatalogues(catalogue, catalogue)).toEqual([])
        expect(diffCatalogues(catalogue, turned)).toEqual([])
      }),
    )
  })

  it('is empty exactly when the documents are equal', () => {
    fc.assert(
      fc.property(anyCatalogue, anyCatalogue, (before, after) => {
        const equal = catalogueDocument(before) === catalogueDocument(after)
        expect(diffCatalogues(before, after).length === 0).toBe(equal)
      }),
    )
  })
})
