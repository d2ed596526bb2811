import { expect, it } from 'vitest'
import { compareWithCatalogue, comparisonLines } from '../../../src/doctor/discovery/comparison.ts'
import type { Resource } from '../../../src/permission/scopes.ts'

const RESOURCE: Resource = {
  resource: 'https://notes.example/mcp',
  name: 'Notes',
  default_scopes: ['r'],
  scopes: [
    {
      name: 'r',
      description: 'Read',
      tools: ['get', 'peek', 'lost'],
      prompts: ['plan'],
      resources: ['n://*'],
      includes: [],
      risk: 'read_only',
    },
    { name: 'w', description: 'Write', tools: ['put', 'drop'], includes: [] },
    { name: 'd', description: 'Delete', tools: ['burn'], includes: [], risk: 'destructive' },
  ],
}

it('finds what is open to nobody, what is gone, and where the risk is told otherwise', () => {
  const tools = [
    { name: 'get', read_only: true },
    { name: 'peek' },
    { name: 'put' },
    { name: 'drop', destructive: true },
    { name: 'burn', destructive: true },
    { name: 'new', read_only: true },
  ]
  const prompts = ['plan', 'other']
  const resources = ['n://a/b', 'n://a/*', 'm://x']
  const comparison = compareWithCatalogue({ tools, prompts, resources }, RESOURCE)
  expect(comparison).toEqual({
    unmapped: ['new'],
    unmapped_prompts: ['other'],
    unmapped_resources: ['m://x'],
    gone: ['lost'],
    not_read_only: ['peek'],
    not_marked_destructive: ['drop'],
  })
  expect(comparisonLines(comparison)).toHaveLength(6)
})

it('prints no name of a server that steers a terminal', () => {
  const hostile = 'x\u001b[2J\u009b2J\u202e\nall tools fit'
  const offered = { tools: [{ name: hostile }], prompts: [hostile], resources: [hostile] }
  const lines = comparisonLines(compareWithCatalogue(offered, RESOURCE))
  expect(lines.filter((line) => line.startsWith('x'))).toHaveLength(3)
  expect(lines.join('')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
})
