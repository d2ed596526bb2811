import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Catalogue,
  canonicalResource,
  defaultScopes,
  findResource,
  grantableScopes,
} from '../../src/catalogue/catalogue.ts'
import {
  effectiveScopes,
  expandScopes,
  includeCycles,
  isOpened,
  type Resource,
  scopesForTool,
  toolsForScopes,
} from '../../src/permission/scopes.ts'

const notes: Resource = {
  resource: 'http://localhost:4001/mcp',
  name: 'Notes',
  default_scopes: ['notes:read'],
  scopes: [
    { name: 'notes:read', description: 'Read', tools: ['search_notes', 'get_note'], includes: [] },
    { name: 'notes:write', description: 'Write', tools: ['create_note'], includes: ['notes:read'] },
    {
      name: 'notes:delete',
      description: 'Delete',
      tools: ['delete_note'],
      includes: ['notes:write'],
      risk: 'destructive',
    },
  ],
}
const catalogue: Catalogue = {
  resources: [notes],
  roles: [
    { name: 'reader', grants: [{ resource: notes.resource, scopes: ['notes:read'] }] },
    { name: 'editor', grants: [{ resource: notes.resource, scopes: ['notes:write'] }] },
    { name: 'elsewhere', grants: [{ resource: 'https://other.example', scopes: ['notes:delete'] }] },
  ],
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', '__proto__', 'constructor']
const someScopes = fc.subarray([...NAMES, 'unknown'])
/** Any hierarchy at all, cycles and unknown names included; each tool under one scope. */
const anyResource: fc.Arbitrary<Resource> = fc
  .subarray(NAMES, { minLength: 1 })
  .chain((names) => fc.tuple(...names.map((name) => someScopes.map((includes) => ({ name, includes })))))
  .map((scopes) => ({
    resource: 'https://rs.example/mcp',
    name: 'Any',
    default_scopes: scopes.slice(0, 1).map((scope) => scope.name),
    scopes: scopes.map((scope) => ({
      ...scope,
      description: 'Any',
      tools: [`${scope.name}_1`, `${scope.name}_2`],
    })),
  }))

describe('canonicalResource', () => {
  it.each([
    ['HTTPS://RS.Example/MCP', 'https://rs.example/MCP'],
    ['https://rs.example/', 'https://rs.example'],
    ['https://rs.example:443/mcp', 'https://rs.example/mcp'],
    ['http://rs.example:80', 'http://rs.example'],
    ['http://rs.example:443', 'http://rs.example:443'],
    ['https://rs.example/mcp/', 'https://rs.example/mcp/'],
    ['https://rs.example/a%2Fb/../c', 'https://rs.example/a%2Fb/../c'],
    ['https://rs.example//', 'https://rs.example//'],
    ['https://rs.example/?tenant=1', 'https://rs.example?tenant=1'],
    ['http://[::1]:4001/mcp', 'http://[::1]:4001/mcp'],
  ])('%s becomes %s', (value, canonical) => {
    expect(canonicalResource(value)).toBe(canonical)
  })

  it.each([
    '',
    'rs.example/mcp',
    '/mcp',
    'https:/rs.example',
    'https:rs.example',
    'https:///rs.example',
    'https:\\\\rs.example',
    'https://rs.example\\mcp',
    'ftp://rs.example',
    'urn:mcp:notes',
    'javascript:alert(1)',
    'https://rs.example/mcp#',
    'https://rs.example/mcp#part',
    'https://user@rs.example/mcp',
    'https://user:secret@rs.example/mcp',
    'https://@rs.example/mcp',
    'https://rs.example:99999/mcp',
    'https://rs example/mcp',
    'https://rs.example/a b',
    'https://rs.example/%zz',
    'https://rs.exam\tple/mcp',
    ' https://rs.example/mcp',
    'https://rs.example/mcp\n',
    'https://rs.example/\0',
    'https://rs.example/\ud800',
    'https://bücher.example/mcp',
    'https://rs.example/mçp',
    `https://rs.example/${'a'.repeat(2048)}`,
  ])('refuses %j', (value) => {
    expect(canonicalResource(value)).toBeUndefined()
  })

  it('never throws, and its answer is its own canonical form', () => {
    const almost = fc
      .tuple(
        fc.constantFrom('http://', 'HTTPS://', 'https:/', ''),
        fc.oneof(fc.webAuthority({ withPort: true, withIPv4Extended: true, withIPv6: true }), fc.string()),
        fc.oneof(fc.webPath(), fc.string({ unit: 'binary' }), fc.constant('/'.repeat(2040))),
      )
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl(), almost), (value) => {
        const canonical = canonicalResource(value)
        if (canonical !== undefined) expect(canonicalResource(canonical)).toBe(canonical)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('findResource', () => {
  it('finds a resource under any spelling of its identifier', () => {
    expect(findResource(catalogue, 'HTTP://LOCALHOST:4001/mcp')).toBe(notes)
  })

  it('finds nothing for another path, a slash more or no URI', () => {
    expect(findResource(catalogue, 'http://localhost:4001/MCP')).toBeUndefined()
    expect(findResource(catalogue, 'http://localhost:4001/mcp/')).toBeUndefined()
    expect(findResource(catalogue, '\0')).toBeUndefined()
  })
})

describe('scopes and tools', () => {
  it('a scope opens its own tools and those of the scopes it includes, sorted', () => {
    expect(toolsForScopes(notes, ['notes:write'])).toEqual(['create_note', 'get_note', 'search_notes'])
    expect(toolsForScopes(notes, [])).toEqual([])
  })

  it('a tool names the scope it needs; a tool that no scope opens needs none and is denied', () => {
    expect(scopesForTool(notes, 'delete_note')).toEqual(['notes:delete'])
    expect(scopesForTool(notes, 'drop_database')).toEqual([])
    expect(isOpened(notes, ['notes:delete'], 'tools', 'drop_database')).toBe(false)
  })

  it('a tool is allowed by its scope or one that includes it, and by nothing else', () => {
    expect(isOpened(notes, ['notes:read'], 'tools', 'get_note')).toBe(true)
    expect(isOpened(notes, ['notes:delete'], 'tools', 'get_note')).toBe(true)
    expect(isOpened(notes, ['notes:write'], 'tools', 'delete_note')).toBe(false)
    expect(isOpened(notes, [], 'tools', 'get_note')).toBe(false)
  })

  it('a tool that several scopes list needs all of them', () => {
    const shared: Resource = {
      ...notes,
      scopes: [
        { name: 'a', description: 'A', tools: ['both'], includes: [] },
        { name: 'b', description: 'B', tools: ['both'], includes: [] },
      ],
    }
    expect(scopesForTool(shared, 'both')).toEqual(['a', 'b'])
    expect(isOpened(shared, ['a'], 'tools', 'both')).toBe(false)
    expect(toolsForScopes(shared, ['a'])).toEqual([])
    expect(isOpened(shared, ['a', 'b'], 'tools', 'both')).toBe(true)
  })

  it('names that objects inherit are unknown names', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(isOpened(notes, [name], 'tools', name)).toBe(false)
      expect(expandScopes(notes, [name])).toEqual(new Set())
    }
  })

  it('the default scopes are those of the catalogue', () => {
    expect(defaultScopes(notes)).toEqual(['notes:read'])
  })
})

describe('roles', () => {
  it('roles add up, with what their scopes include', () => {
    expect(grantableScopes(catalogue, notes, ['reader'])).toEqual(new Set(['notes:read']))
    expect(grantableScopes(catalogue, notes, ['reader', 'editor'])).toEqual(
      new Set(['notes:write', 'notes:read']),
    )
  })

  it('no role, an unknown role and a role on another resource hold nothing', () => {
    expect(grantableScopes(catalogue, notes, [])).toEqual(new Set())
    expect(grantableScopes(catalogue, notes, ['root', 'elsewhere'])).toEqual(new Set())
  })
})

describe('effectiveScopes', () => {
  it('keeps what all sets agree on, through what they include, in the order of the catalogue', () => {
    expect(effectiveScopes(notes, ['notes:delete'], ['notes:write'])).toEqual(['notes:read', 'notes:write'])
    expect(effectiveScopes(notes, ['notes:read'], [])).toEqual([])
  })

  it('is empty when nobody was asked', () => {
    expect(effectiveScopes(notes)).toEqual([])
  })
})

describe('for every catalogue', () => {
  it('more scopes never open fewer tools', () => {
    fc.assert(
      fc.property(anyResource, someScopes, someScopes, (resource, some, more) => {
        const all = new Set(toolsForScopes(resource, [...some, ...more]))
        for (const tool of toolsForScopes(resource, some)) expect(all).toContain(tool)
      }),
    )
  })

  it('what is effective lies within the closure of each set, and is closed itself', () => {
    fc.assert(
      fc.property(anyResource, fc.array(someScopes, { minLength: 1, maxLength: 4 }), (resource, sets) => {
        const effective = effectiveScopes(resource, ...sets)
        for (const scopes of sets) {
          const closure = expandScopes(resource, scopes)
          for (const scope of effective) expect(closure).toContain(scope)
        }
        expect(expandScopes(resource, effective)).toEqual(new Set(effective))
      }),
    )
  })

  it('the tools listed for scopes are exactly those allowed, and an unknown tool never is', () => {
    fc.assert(
      fc.property(anyResource, someScopes, fc.string(), (resource, scopes, unknown) => {
        const opened = toolsForScopes(resource, scopes)
        const tools = resource.scopes.flatMap((scope) => scope.tools)
        for (const tool of tools)
          expect(isOpened(resource, scopes, 'tools', tool)).toBe(opened.includes(tool))
        if (!tools.includes(unknown)) expect(isOpened(resource, NAMES, 'tools', unknown)).toBe(false)
      }),
    )
  })

  it('a cycle is found exactly when a scope reaches itself, and each is closed', () => {
    fc.assert(
      fc.property(anyResource, (resource) => {
        const cycles = includeCycles(resource)
        const reaches_itself = resource.scopes.some((scope) =>
          expandScopes(resource, scope.includes).has(scope.name),
        )
        expect(cycles.length > 0).toBe(reaches_itself)
        for (const cycle of cycles) expect(cycle.at(0)).toBe(cycle.at(-1))
      }),
    )
  })
})
