import { builtinModules } from 'node:module'
import { describe, expect, it } from 'vitest'
import { readDocument } from '../support/readme.ts'
import { readSourceFiles } from '../support/source-files.ts'

/** package.json of both packages, and that of the guard's sources, by which this repository imports the guard. */
const server = JSON.parse(readDocument('package.json'))
const guard = JSON.parse(readDocument('packages/guard/package.json'))
const sources = JSON.parse(readDocument('src/guard/package.json'))

describe('toolgate-guard', () => {
  it('is imported within this repository by the entries under which it is published', () => {
    const built = Object.entries<string>(sources.exports).map(([entry, path]) => [
      entry,
      path.replace(/^\.\/(.+)\.ts$/, './dist/guard/$1.js'),
    ])
    expect({ ...Object.fromEntries(built), './package.json': './package.json' }).toEqual(guard.exports)
  })

  it('depends on nothing', () => {
    expect(Object.keys(guard).filter((member) => /dependencies/i.test(member))).toEqual([])
  })

  it('has the version, the licence and the Node of the server', () => {
    expect(guard.version).toBe(server.version)
    expect(guard.engines).toEqual(server.engines)
    expect(guard.license).toBe(server.license)
    expect(readDocument('packages/guard/LICENSE')).toBe(readDocument('LICENSE'))
  })

  it('cannot be published by mistake as its sources', () => {
    expect(sources).toMatchObject({ name: guard.name, private: true })
  })
})

describe('toolgate', () => {
  it('depends on the packages that its sources import, and on no other', () => {
    const specifiers = [...readSourceFiles('src'), ...readSourceFiles('migrations')]
      .flatMap(({ imports }) => imports)
      .filter(({ specifier, type_only }) => !type_only && /^[^.]/.test(specifier))
      .map(({ specifier }) => specifier)
    const packages = specifiers
      .filter((name) => !name.startsWith('node:') && !builtinModules.includes(name))
      .map((name) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0])
    expect([...new Set(packages)].sort()).toEqual(Object.keys(server.dependencies).sort())
  })

  it('is a command, and exports no code', () => {
    expect(Object.keys(server.bin)).toEqual(['toolgate'])
    expect(server.exports).toEqual({ './package.json': './package.json' })
  })
})
