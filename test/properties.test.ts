import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PROPERTY_SEED } from './support/property-seed.ts'

it('every property test runs from the seed that the run names, and its failure says so', () => {
  const drawn = fc.sample(fc.nat(), 20)
  expect(fc.sample(fc.nat(), { numRuns: 20, seed: PROPERTY_SEED })).toEqual(drawn)
  expect(() => fc.assert(fc.property(fc.nat(), (number) => number < 1_000))).toThrow(`seed: ${PROPERTY_SEED}`)
})

it('no test draws by chance, or from a seed of its own', () => {
  const chance = /Math\.random\(|\{ seed: (?!PROPERTY_SEED)/
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && name !== 'properties.test.ts',
  )
  expect(files.filter((name) => chance.test(readFileSync(`test/${name}`, 'utf8')))).toEqual([])
})
