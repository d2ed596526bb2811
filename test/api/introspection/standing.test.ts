import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { standingOf } from '../../../src/api/introspection/standing.ts'
import type { Catalogue } from '../../../src/catalogue/catalogue.ts'
import { historyOf } from '../../support/history.ts'

const RESOURCE = 'http://localhost:4001/mcp'

function catalogue(): Catalogue {
  const scope = { description: '', tools: [] }
  const scopes = [
    { ...scope, name: 'read', includes: [] },
    { ...scope, name: 'write', includes: ['read'] },
  ]
  const grants = (...names: string[]) => [{ resource: RESOURCE, scopes: names }]
  return {
    resources: [{ resource: RESOURCE, name: 'Notes', default_scopes: ['read'], scopes }],
    roles: [
      { name: 'reader', grants: grants('read') },
      { name: 'editor', grants: grants('write') },
    ],
  }
}

const claims = {
  resource: RESOURCE,
  scope: 'write',
  grant_scope: 'write',
  scope_versions: [1],
  roles: ['editor'],
}

describe('standingOf', () => {
  it('is what was asked for, consented to and held by role, each with what it includes', () => {
    expect(standingOf(historyOf(catalogue()), claims)?.scope).toBe('read write')
    expect(standingOf(historyOf(catalogue()), { ...claims, scope: 'read' })?.scope).toBe('read')
    expect(standingOf(historyOf(catalogue()), { ...claims, grant_scope: 'read' })?.scope).toBe('read')
    expect(standingOf(historyOf(catalogue()), { ...claims, roles: ['reader'] })?.scope).toBe('read')
    expect(standingOf(historyOf(catalogue()), { ...claims, roles: [] })?.scope).toBe('')
  })

  it('is nothing for a resource that the catalogue does not have', () => {
    expect(
      standingOf(historyOf(catalogue()), { ...claims, resource: 'http://elsewhere.example/' }),
    ).toBeUndefined()
  })

  it('never remembers one combination for another', () => {
    const shared = catalogue()
    const words = fc.subarray(['read', 'write', 'unknown'])
    const combination = fc.record({
      scope: words,
      grant_scope: words,
      roles: fc.subarray(['reader', 'editor']),
    })
    fc.assert(
      fc.property(combination, ({ scope, grant_scope, roles }) => {
        const asked = {
          resource: RESOURCE,
          scope: scope.join(' '),
          grant_scope: grant_scope.join(' '),
          scope_versions: grant_scope.map(() => 1),
          roles,
        }
        expect(standingOf(historyOf(shared), asked)).toEqual(standingOf(historyOf(catalogue()), asked))
      }),
    )
  })

  it('goes on when more combinations are met than it remembers', () => {
    const shared = catalogue()
    for (let index = 0; index < 2_500; index++)
      standingOf(historyOf(shared), { ...claims, roles: [`role-${index}`] })
    expect(standingOf(historyOf(shared), claims)?.scope).toBe('read write')
  })
})
