import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { expandScopes, type Resource } from '../../src/permission/scopes.ts'
import { tickedScopes } from '../../src/permission/ticks.ts'

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'] as const
const names = fc.subarray([...NAMES])

/** Any scopes that include any others, in circles too. */
const resource: fc.Arbitrary<Resource> = fc.array(names, { minLength: 6, maxLength: 6 }).map((included) => ({
  resource: 'https://notes.example/mcp',
  name: 'Notes',
  default_scopes: [],
  scopes: NAMES.map((name, index) => ({
    ...{ name, description: name, tools: [`${name}_tool`] },
    includes: included[index] ?? [],
  })),
}))

describe('what is ticked', () => {
  it('never opens what was offered and not ticked', () => {
    fc.assert(
      fc.property(resource, names, names, (of, offered, ticked) => {
        const opened = expandScopes(of, tickedScopes(of, offered, ticked))
        expect(offered.filter((name) => !ticked.includes(name) && opened.has(name))).toEqual([])
      }),
      { numRuns: 2_000 },
    )
  })

  it('is only of what was offered, and all of it when all is ticked', () => {
    fc.assert(
      fc.property(resource, names, names, (of, offered, ticked) => {
        for (const name of tickedScopes(of, offered, ticked)) {
          expect(offered).toContain(name)
          expect(ticked).toContain(name)
        }
        expect(tickedScopes(of, offered, offered)).toEqual(offered)
      }),
    )
  })

  it('takes away no more than it has to: whatever fell opens something that was unticked', () => {
    fc.assert(
      fc.property(resource, names, names, (of, offered, ticked) => {
        const kept = tickedScopes(of, offered, ticked)
        const unticked = offered.filter((name) => !ticked.includes(name))
        for (const fallen of offered.filter((name) => ticked.includes(name) && !kept.includes(name)))
          expect(unticked.some((name) => expandScopes(of, [fallen]).has(name))).toBe(true)
      }),
    )
  })

  it('of a resource that is gone is what was ticked', () => {
    expect(tickedScopes(undefined, ['a', 'b'], ['b', 'c'])).toEqual(['b'])
  })
})
