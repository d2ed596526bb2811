import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Catalogue, grantableScopes } from '../../src/catalogue/catalogue.ts'
import type { Resource, Risk } from '../../src/permission/scopes.ts'
import { scopesOfTokenRole, TOKEN_ROLES } from '../../src/personal-tokens/personal-token-scopes.ts'

const scope = (name: string, includes: string[] = [], risk?: Risk) => ({
  name,
  description: name,
  tools: [`${name}_tool`],
  includes,
  ...(risk ? { risk } : {}),
})
const NOTES: Resource = {
  resource: 'https://notes.example/mcp',
  name: 'Notes',
  default_scopes: ['read', 'purge'],
  scopes: [
    scope('read', [], 'read_only'),
    scope('write', ['read']),
    scope('purge', ['write'], 'destructive'),
    scope('everything', ['purge']),
  ],
}
const CATALOGUE: Catalogue = {
  resources: [NOTES],
  roles: [
    { name: 'reader', grants: [{ resource: NOTES.resource, scopes: ['read'] }] },
    { name: 'editor', grants: [{ resource: NOTES.resource, scopes: ['everything'] }] },
  ],
}
const scopes = (roles: string[], role: (typeof TOKEN_ROLES)[number], named: string[] = []) =>
  scopesOfTokenRole(CATALOGUE, NOTES, roles, { role, named })

describe('the scopes of a personal access token', () => {
  it('read-only: of the default scopes those that are declared so, with all that they include', () => {
    expect(scopes(['editor'], 'read-only')).toEqual(['read'])
    expect(scopes(['reader'], 'read-only')).toEqual(['read'])
    const vault = {
      ...NOTES,
      default_scopes: ['put'],
      scopes: [scope('put'), scope('list', ['put'], 'read_only')],
    }
    const catalogue = {
      resources: [vault],
      roles: [{ name: 'all', grants: [{ resource: vault.resource, scopes: ['put', 'list'] }] }],
    }
    for (const default_scopes of [['put'], ['list'], ['list', 'put']])
      expect(() =>
        scopesOfTokenRole(catalogue, { ...vault, default_scopes }, ['all'], { role: 'read-only', named: [] }),
      ).toThrow('nothing on Notes that a read-only token may have')
  })

  it('write: all that the account may hold, without what destroys or includes what does', () => {
    expect(scopes(['editor'], 'write')).toEqual(['read', 'write'])
    expect(scopes(['reader'], 'write')).toEqual(['read'])
  })

  it('custom: what is named, destructive or not, if the account may hold it', () => {
    expect(scopes(['editor'], 'custom', ['purge', 'write', 'read'])).toEqual(['read', 'write', 'purge'])
    expect(() => scopes(['editor'], 'custom', ['purge', 'read'])).toThrow(
      'purge includes write: name that too',
    )
    expect(() => scopes(['reader'], 'custom', ['purge', 'read'])).toThrow('may not hold purge on Notes')
    expect(() => scopes(['editor'], 'custom', ['nothing'])).toThrow('may not hold nothing')
    expect(() => scopes(['editor'], 'custom')).toThrow('Name at least one scope')
  })

  it('refuses scopes beside a role that has its own, and an account that holds nothing', () => {
    expect(() => scopes(['editor'], 'write', ['read'])).toThrow('for the role custom only')
    expect(() => scopes([], 'write')).toThrow('hold nothing on Notes')
  })

  it('never has more than the roles of the account allow', () => {
    const names = fc.constantFrom(...NOTES.scopes.map(({ name }) => name), 'unknown')
    const roles = fc.subarray(['reader', 'editor', 'ghost'])
    fc.assert(
      fc.property(roles, fc.constantFrom(...TOKEN_ROLES), fc.array(names), (held, role, named) => {
        const allowed = grantableScopes(CATALOGUE, NOTES, held)
        let given: string[] = []
        try {
          given = scopes(held, role, named)
        } catch {}
        expect(given.filter((each) => !allowed.has(each))).toEqual([])
      }),
    )
  })
})
