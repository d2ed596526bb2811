import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCatalogue } from '../../../src/catalogue/catalogue-file.ts'
import { catalogueText } from '../../../src/catalogue/catalogue-text.ts'
import { compareWithCatalogue } from '../../../src/doctor/discovery/comparison.ts'
import type { OfferedTool } from '../../../src/doctor/discovery/inventory.ts'
import { proposeCatalogue, riskOfOffer } from '../../../src/doctor/discovery/proposal.ts'

const RESOURCE = 'https://notes.example/mcp'
const inventory = (tools: OfferedTool[], name = 'Notes MCP Server') => ({
  server: { name, version: '1' },
  protocol_version: '2026-07-28',
  tools,
  prompts: [] as string[],
  resources: [] as string[],
})

describe('proposeCatalogue', () => {
  it('gives each kind of tool a scope that includes the milder ones, and asks for reading by default', () => {
    const { resources, roles } = proposeCatalogue(
      inventory([
        { name: 'get', read_only: true },
        { name: 'put', read_only: false, destructive: false },
        { name: 'drop', destructive: true },
      ]),
      { resource: RESOURCE },
    )
    expect(resources).toMatchObject([
      {
        resource: RESOURCE,
        default_scopes: ['notes:read'],
        scopes: [
          { name: 'notes:read', tools: ['get'], includes: [], risk: 'read_only' },
          { name: 'notes:write', tools: ['put'], includes: ['notes:read'] },
          { name: 'notes:destructive', tools: ['drop'], includes: ['notes:write'], risk: 'destructive' },
        ],
      },
    ])
    expect(roles.map(({ name }) => name)).toEqual(['notes-reader', 'notes-editor'])
  })

  it('takes a tool that says nothing, or contradicts itself, for one that may destroy', () => {
    expect(riskOfOffer({ name: 'a' })).toBe('destructive')
    expect(riskOfOffer({ name: 'a', read_only: true, destructive: true })).toBe('destructive')
    expect(riskOfOffer({ name: 'a', read_only: false })).toBe('destructive')
    expect(riskOfOffer({ name: 'a', read_only: true })).toBe('read_only')
  })

  it('is a valid catalogue that fits its server, whatever that offers', () => {
    const hint = fc.constantFrom(true, false, undefined)
    const tool = fc.record({ name: fc.stringMatching(/^[\w./-]{1,20}$/), read_only: hint, destructive: hint })
    const tools = fc.uniqueArray(tool, { minLength: 1, selector: ({ name }) => name })
    fc.assert(
      fc.property(tools, fc.string({ minLength: 1 }), (offered, name) => {
        const server = {
          ...inventory(offered, name),
          prompts: ['summary'],
          resources: ['notes://index', 'n://*'],
        }
        const proposed = proposeCatalogue(server, { resource: RESOURCE, name: 'Notes' })
        const read = parseCatalogue(catalogueText(proposed))
        expect(read).toEqual({ catalogue: proposed })
        const [resource] = proposed.resources
        if (!resource) throw new Error('no resource was proposed')
        expect(Object.values(compareWithCatalogue(server, resource)).flat()).toEqual([])
      }),
    )
  })
})
