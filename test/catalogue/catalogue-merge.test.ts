import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { diffCatalogues } from '../../src/catalogue/catalogue-diff.ts'
import { parseCatalogue } from '../../src/catalogue/catalogue-file.ts'
import { mergedText } from '../../src/catalogue/catalogue-merge.ts'
import { RESOURCE } from '../support/toolgate.ts'

const FILE = readFileSync('catalogue.yaml', 'utf8').replace(
  'tools: [search_notes, get_note]',
  'tools: [search_notes, get_note] # what everybody may do',
)

function proposal(resource: string, tools: Record<string, string[]>): Catalogue {
  const scopes = Object.entries(tools).map(([name, listed], index, all) => ({
    ...{ name, description: `May ${name}`, tools: listed },
    includes: index > 0 ? [(all[index - 1] as [string, string[]])[0]] : [],
  }))
  const named = scopes.map(({ name }) => name)
  return {
    resources: [{ resource, name: 'Server', default_scopes: named.slice(0, 1), scopes }],
    roles: [{ name: 'server-reader', grants: [{ resource, scopes: named.slice(0, 1) }] }],
  }
}

function catalogueOf(text: string): Catalogue {
  const read = parseCatalogue(text)
  if ('faults' in read) throw new Error(read.faults.join('\n'))
  return read.catalogue
}

const changes = (text: string) => diffCatalogues(catalogueOf(FILE), catalogueOf(text))

/** Says more than that something is new. */
const isMore = (line: string) =>
  !line.startsWith('+') && !/^~ role server-reader on [^ ]+: (\+ [^ ]+ ?)+$/.test(line)

describe('mergedText', () => {
  it('adds a server that the file does not have, with its roles, and leaves the rest as it was', () => {
    const { text, added } = mergedText(FILE, proposal('https://mail.example/mcp', { 'mail:read': ['list'] }))
    expect(added).toEqual([
      'resource https://mail.example/mcp',
      'role server-reader on https://mail.example/mcp: mail:read',
    ])
    for (const line of FILE.split('\n').filter(Boolean)) expect(text).toContain(line.trim())
    expect(text).toContain('# what everybody may do')
    expect(changes(text).filter(isMore)).toEqual([])
  })

  it('adds to a server that is there only what no scope opens, and gives no role more', () => {
    const { text, added } = mergedText(
      FILE,
      proposal(RESOURCE, {
        'notes:read': ['search_notes', 'delete_note', 'export'],
        'notes:admin': ['wipe'],
        'notes:none': ['get_note'],
      }),
    )
    expect(added).toEqual(['tool export under notes:read', 'tool wipe under notes:admin'])
    expect(text).toContain('tools: [search_notes, get_note, export] # what everybody may do')
    expect(changes(text)).toEqual([
      `+ scope notes:admin on ${RESOURCE} opens wipe, includes notes:read`,
      `+ tool export on ${RESOURCE} opened by notes:read`,
    ])
  })

  it('of what is there changes nothing, to the letter', () => {
    expect(mergedText(FILE, proposal(RESOURCE, { 'x:read': ['get_note'] }))).toEqual({
      text: FILE,
      added: [],
    })
  })

  it('refuses a file with faults, with every fault', () => {
    expect(() => mergedText('resources: []\n', proposal(RESOURCE, { a: ['t'] }))).toThrow(
      /resources.*\n.*roles/,
    )
  })

  it('never takes anything away, and what it says is what it added', () => {
    const tools = fc.subarray(['search_notes', 'get_note', 'delete_note', 'one', 'two', 'three'])
    const scopes = fc.dictionary(fc.constantFrom('notes:read', 'notes:delete', 'other', 'more'), tools, {
      minKeys: 1,
    })
    const where = fc.constantFrom(RESOURCE, 'https://mail.example/mcp')
    fc.assert(
      fc.property(where, scopes, (resource, given) => {
        const seen = new Set<string>()
        // As a server lists them: each tool once.
        const listed = Object.fromEntries(
          Object.entries(given).map(([name, names]) => [
            name,
            names.filter((tool) => !seen.has(tool) && seen.add(tool)),
          ]),
        )
        const { text, added } = mergedText(FILE, proposal(resource, listed))
        expect(changes(text).filter(isMore)).toEqual([])
        expect(changes(text).length > 0).toBe(added.length > 0)
        expect(mergedText(text, proposal(resource, listed)).added).toEqual([])
      }),
    )
  })
})
