import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { catalogueDocument } from '../../src/catalogue/catalogue.ts'
import { parseCatalogue } from '../../src/catalogue/catalogue-file.ts'
import { catalogueText } from '../../src/catalogue/catalogue-text.ts'

const example = readFileSync(new URL('../../catalogue.yaml', import.meta.url), 'utf8')

function faultsOf(text: string): string[] {
  const result = parseCatalogue(text)
  return 'faults' in result ? result.faults : []
}

const small = (scopes: string, rest = 'roles: {}') =>
  `resources:\n  - resource: https://rs.example/mcp\n    name: Small\n    default_scopes: [a]\n    scopes: ${scopes}\n${rest}\n`

describe('a catalogue without faults', () => {
  it('the example file is one, in the order it is written', () => {
    const result = parseCatalogue(example)
    if ('faults' in result) throw new Error(result.faults.join('\n'))
    const [notes] = result.catalogue.resources
    expect(notes?.resource).toBe('http://localhost:4001/mcp')
    expect(notes?.scopes.map((scope) => scope.name)).toEqual(['notes:read', 'notes:write', 'notes:delete'])
    expect(notes?.scopes[0]?.risk).toBe('read_only')
    expect(notes?.scopes[2]).toEqual({
      name: 'notes:delete',
      description: 'Delete notes for good',
      tools: ['delete_note'],
      includes: ['notes:write'],
      risk: 'destructive',
    })
    expect(result.catalogue.roles[0]).toEqual({
      name: 'reader',
      grants: [{ resource: 'http://localhost:4001/mcp', scopes: ['notes:read'] }],
    })
  })

  it('identifiers of resources are canonical, also those that roles name', () => {
    const result = parseCatalogue(
      small('{a: {description: A, tools: []}}', 'roles: {r: {"HTTPS://RS.example:443/mcp": [a]}}'),
    )
    expect(result).toMatchObject({
      catalogue: { roles: [{ grants: [{ resource: 'https://rs.example/mcp', scopes: ['a'] }] }] },
    })
  })

  it('a scope may open prompts, and resources exactly or below a wildcard', () => {
    const scopes =
      '{a: {description: A, tools: [], prompts: [Sum it up], resources: ["notes://1", "n:%20", "file:///a/*"]}}'
    const result = parseCatalogue(small(scopes))
    if ('faults' in result) throw new Error(result.faults.join('\n'))
    expect(result.catalogue.resources[0]?.scopes[0]).toMatchObject({
      prompts: ['Sum it up'],
      resources: ['notes://1', 'n:%20', 'file:///a/*'],
    })
    expect(parseCatalogue(catalogueText(result.catalogue))).toEqual(result)
  })

  it('without prompts and resources has the document that it had before there were any', () => {
    const result = parseCatalogue(small('{a: {description: A, tools: [t]}}'))
    if ('faults' in result) throw new Error(result.faults.join('\n'))
    expect(catalogueDocument(result.catalogue)).toContain(
      '"scopes":[{"name":"a","description":"A","tools":["t"],"includes":[]}]',
    )
  })

  it.each([
    ['not a URI', '"no scheme"', 'is not a URI'],
    ['a bare wildcard', '"*"', 'is not a URI'],
    ['a wildcard in the middle', '"notes://*/1"', 'is not a URI'],
    ['a wildcard within a name', '"file:///home/ada*"', 'would open names that only begin so'],
    ['dot segments before a wildcard', '"file:///a/../*"', 'has . or ..'],
    ['encoded dots before a wildcard', '"file:///a/%2E./*"', 'has . or ..'],
    ['the same twice', '"n://1", "n://1"', 'has the resource "n://1", listed twice'],
    [
      'what a wildcard opens too',
      '"n://*", "n://1"',
      'has the resource "n://1", which "n://*" of a opens too',
    ],
    ['wildcards within each other', '"n://*", "n://b/*"', 'which "n://*" of a opens too'],
  ])('refuses %s among resources', (_, uris, message) => {
    const result = parseCatalogue(small(`{a: {description: A, tools: [], resources: [${uris}]}}`))
    expect('faults' in result && result.faults.join('\n')).toContain(message)
  })

  it('refuses a prompt under two scopes, and a wildcard over what is under another', () => {
    const scopes = `{a: {description: A, tools: [], prompts: [p], resources: ['n://*']}, b: {description: B, tools: [], prompts: [p], resources: ['n://x']}}`
    const result = parseCatalogue(small(scopes))
    const faults = 'faults' in result ? result.faults.join('\n') : ''
    expect(faults).toContain('scopes › b › prompts: has the prompt "p", listed twice')
    expect(faults).toContain('scopes › b › resources: has the resource "n://x", which "n://*" of a opens too')
  })
})

const FAULTY = `
title: Faulty
resources:
  - resource: notes/mcp
    name: "Bad\\u0007name"
    default_scopes: [nowhere, wipe_all]
    scopes:
      read: { description: Read, tools: [get, "not a tool"], includes: [missing] }
      again: { description: Again, tools: [get], colour: red }
      openid: { description: Reserved, tools: [] }
      'two words': { description: Spaced, tools: [] }
      long: { description: ${'x'.repeat(301)}, tools: [] }
      mild: { description: Mild, tools: [], risk: mild }
      wipe: { description: Wipe, tools: [wipe], risk: destructive }
      wipe_all: { description: All, tools: [], includes: [wipe] }
      one: { description: One, tools: [], includes: [two] }
      two: { description: Two, tools: [], includes: [one] }
      self: { description: Self, tools: [], includes: [self] }
      untold: { tools: wrong }
  - resource: https://user:secret@rs.example/mcp?tenant=1#part
    name: Empty
    default_scopes: []
    scopes: {}
  - { resource: https://rs.example/, name: First, default_scopes: [a], scopes: { a: { description: A, tools: [] } } }
  - { resource: HTTPS://RS.EXAMPLE, name: Second, default_scopes: [a], scopes: { a: { description: A, tools: [] } } }
  - { resource: https://rs.example/a/../b, name: Dots, default_scopes: [a, a], scopes: { a: { description: A, tools: [] } } }
roles:
  'no role!': {}
  lost: { https://gone.example: [a], https://rs.example: [b], https://rs.example/: [a] }
  lost: {}
`

describe('faults', () => {
  const all = faultsOf(FAULTY)

  it.each([
    'title: is an unknown key',
    'resources › entry 1 › resource: is not an absolute http or https URI',
    'resources › entry 1 › name: has control characters',
    'resources › entry 1 › default_scopes: names the unknown scope "nowhere"',
    'resources › entry 1 › default_scopes: opens the destructive scope "wipe"',
    'resources › entry 1 › scopes › read › tools › entry 2: is not an MCP tool name',
    'resources › entry 1 › scopes › read › includes: names the unknown scope "missing"',
    'resources › entry 1 › scopes › read › tools: has the tool "get", listed twice',
    'resources › entry 1 › scopes › again › tools: has the tool "get", listed twice',
    'resources › entry 1 › scopes › again › colour: is an unknown key',
    'resources › entry 1 › scopes › openid: is reserved',
    'resources › entry 1 › scopes › two words: is not a scope name',
    'resources › entry 1 › scopes › long › description: is longer than 300 characters',
    'resources › entry 1 › scopes › mild › risk: can only be "read_only" or "destructive"',
    'resources › entry 1 › scopes: include each other in a circle: one → two → one',
    'resources › entry 1 › scopes: include each other in a circle: self → self',
    'resources › entry 1 › scopes › untold › description: is missing',
    'resources › entry 1 › scopes › untold › tools: must be a list',
    'resources › entry 2 › resource: has a fragment',
    'resources › entry 2 › resource: has a user name or password',
    'resources › entry 2 › resource: has a query',
    'resources › entry 2 › default_scopes: is empty',
    'resources › entry 2 › scopes: has no scope',
    'resources › entry 3 › resource: "https://rs.example" is listed twice',
    'resources › entry 4 › resource: "https://rs.example" is listed twice',
    'resources › entry 5 › resource: has . or .. in its path',
    'resources › entry 5 › default_scopes: names "a" twice',
    'roles: has "lost" twice',
    'roles › no role!: is not a role name',
  ])('one file with every fault reports at once: %s', (expected) => {
    expect(all.filter((fault) => fault.startsWith(expected))).toHaveLength(1)
  })

  it('the file with every fault reports nothing else, and no credential', () => {
    expect(all).toHaveLength(29)
    expect(all.join('\n')).not.toContain('secret')
  })

  it('a role naming unknown resources, unknown scopes or a resource twice is told so', () => {
    const roles =
      'roles: {lost: {https://gone.example: [a], https://RS.example/mcp: [b], https://rs.example/mcp: [a]}}'
    expect(faultsOf(small('{a: {description: A, tools: []}}', roles))).toEqual([
      'roles › lost: names "https://rs.example/mcp" twice; merge the two',
      'roles › lost: names the unknown resource "https://gone.example"; list it under resources',
      'roles › lost › https://rs.example/mcp: names the unknown scope "b"; remove or describe it',
    ])
  })

  it.each([
    ['', 'the file: must be a map'],
    ['[]', 'the file: must be a map'],
    ['resources: []\nroles: {}', 'resources: is empty'],
    ['resources: [', 'line 1: is not valid YAML'],
    ['a: 1\n---\nb: 2', 'line 2: is not valid YAML'],
    ['a: !!js/function x', 'line 1: is not valid YAML'],
    ['? [a]\n: b', 'the file: has a key that is not plain text'],
    [
      small('{a: {description: A, tools: []}, __proto__: {description: P, tools: []}}'),
      'resources › entry 1 › scopes: has a key __proto__',
    ],
    [
      small('{a: {description: A, tools: []}, offline_access: {description: P, tools: []}}'),
      'resources › entry 1 › scopes › offline_access: is reserved',
    ],
    [small('{a: {description: " ", tools: []}}'), 'resources › entry 1 › scopes › a › description: is empty'],
    [
      small('{a: {description: "\\u202Etxt", tools: []}}'),
      'resources › entry 1 › scopes › a › description: has control characters',
    ],
  ])('%j is refused', (text, expected) => {
    expect(faultsOf(text).some((fault) => fault.startsWith(expected))).toBe(true)
  })

  it('a file larger than 256 KB and one with more than 1000 scopes are refused', () => {
    expect(faultsOf('#'.repeat(1024 * 1024 + 1))).toEqual([
      'the file is larger than 256 KB; split or shorten it',
    ])
    const scopes = Array.from({ length: 1001 }, (_, i) => `s${i}: {description: S, tools: []}`)
    expect(faultsOf(small(`{${scopes.join(', ')}}`))).toEqual([
      'resources: have 1001 scopes; keep at most 1000',
    ])
  })

  it('a fault of syntax names its line and quotes nothing of the file', () => {
    expect(faultsOf('resources:\n  - "hidden')).toEqual([
      'line 2: is not valid YAML; correct it: Missing closing "quote',
    ])
  })

  it('a fault is one printable line even when the file hides an escape sequence in a name', () => {
    for (const fault of faultsOf(small('{"a\\e[2J\\n": {description: A, tools: []}}'))) {
      expect(fault).not.toMatch(/\p{Cc}/u)
    }
  })
})

describe('hostile files', () => {
  it('aliases that multiply are refused', () => {
    const levels = Array.from({ length: 12 }, (_, i) =>
      i === 0 ? 'a0: &a0 [x, x]' : `a${i}: &a${i} [${`*a${i - 1}, `.repeat(9)}]`,
    )
    expect(faultsOf(levels.join('\n'))).toEqual([expect.stringContaining('alias')])
  })

  it.each([
    ['deep nesting', '['.repeat(100_000)],
    ['deep closed nesting', '['.repeat(20_000) + ']'.repeat(20_000)],
    ['an alias of itself', 'a: &a [*a]'],
    ['very many keys', Array.from({ length: 20_000 }, (_, i) => `k${i}: 1`).join('\n')],
    ['very many entries', `resources: [${'1,'.repeat(150_000)}]\nroles: {}`],
    ['very many references', small(`{a: {description: A, tools: [], includes: [${'b,'.repeat(150_000)}]}}`)],
    [
      'everything includes everything',
      small(
        `{${Array.from({ length: 200 }, (_, i) => `s${i}: {description: S, tools: [], includes: [${Array.from({ length: 200 }, (_, j) => `s${j}`)}]}`)}}`,
      ),
    ],
  ])('%s ends in faults', (_, text) => {
    expect(faultsOf(text)).not.toEqual([])
  })

  it('no text makes it throw', () => {
    const lines = fc.array(
      fc.constantFrom(...example.split('\n'), '- &a', '*a', '? {', '<<: *a', '%YAML 1.1', '---', '!!set {a}'),
    )
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json(),
      lines.map((some) => some.join('\n')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const result = parseCatalogue(text)
        expect('catalogue' in result || result.faults.length > 0).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('one wrong value anywhere in a good file is a fault and not an exception', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(example.length), (value, at) => {
        const text = `${example.slice(0, at)} ${JSON.stringify(value)} ${example.slice(at)}`
        expect(() => parseCatalogue(text)).not.toThrow()
      }),
      { numRuns: 500 },
    )
  })
})
