import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { parseCatalogue } from '../../src/catalogue/catalogue-file.ts'
import { catalogueText } from '../../src/catalogue/catalogue-text.ts'

it('the example comes back the same', () => {
  const read = parseCatalogue(readFileSync('catalogue.yaml', 'utf8'))
  if ('faults' in read) throw new Error(read.faults.join('\n'))
  expect(parseCatalogue(catalogueText(read.catalogue))).toEqual(read)
})

// Names and texts that YAML would take for something else.
const tricky = fc.constantFrom(
  'yes',
  'null',
  '1.0',
  '0x1f',
  '- a',
  '# b',
  '{c}',
  '*d',
  "e: 'f'",
  '2026-11-21',
  '>',
)
const words = fc.oneof(tricky, fc.string({ minLength: 1, maxLength: 40 }))
const scope_name = fc.oneof(
  fc.constantFrom('yes', 'null', '1.0', '~', '#x', '*y', '&z', '!t', '|', '{a}', '@b'),
  fc.stringMatching(/^[a-z]{1,8}(:[a-z]{1,8})?$/),
)

const generated: fc.Arbitrary<Catalogue> = fc
  .record({
    names: fc.uniqueArray(scope_name, { minLength: 1, maxLength: 4 }),
    description: words,
    name: words,
    risk: fc.boolean(),
  })
  .map(({ names, description, name, risk }) => {
    const [first = '', ...others] = names
    const scope = (scope_name: string, index: number) => ({
      name: scope_name,
      description,
      tools: [`tool_${index}`],
      includes: index === 0 ? [] : [first],
      ...(risk && index > 0 ? { risk: 'destructive' as const } : {}),
    })
    const resource = 'https://mcp.example/mcp'
    return {
      resources: [{ resource, name, default_scopes: [first], scopes: [first, ...others].map(scope) }],
      roles: [{ name: '007', grants: [{ resource, scopes: names }] }],
    }
  })

it('every catalogue that a file can say comes back the same', () => {
  fc.assert(
    fc.property(generated, (catalogue) => {
      const read = parseCatalogue(catalogueText(catalogue))
      // Names that no file may have are refused by the text as they are by any file.
      if ('faults' in read) fc.pre(false)
      expect(read).toEqual({ catalogue })
    }),
  )
})
