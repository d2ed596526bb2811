import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Catalogue } from '../../src/catalogue/catalogue.ts'
import { parseCatalogue } from '../../src/catalogue/catalogue-file.ts'
import {
  applyCatalogue,
  CatalogueCache,
  catalogueDigest,
  currentCatalogue,
  currentVersion,
  findVersion,
  listVersions,
} from '../../src/catalogue/catalogue-store.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const example = read(readFileSync(new URL('../../catalogue.yaml', import.meta.url), 'utf8'))
const renamed = rename('Renamed')

function read(text: string): Catalogue {
  const result = parseCatalogue(text)
  if ('faults' in result) throw new Error(result.faults.join('\n'))
  return result.catalogue
}

function rename(name: string): Catalogue {
  return { ...example, resources: example.resources.map((resource) => ({ ...resource, name })) }
}

let test_database: TestDatabase
let db: TestDatabase['database']['knex']

beforeEach(async () => {
  test_database = await createTestDatabase()
  db = test_database.database.knex
})
afterEach(() => test_database.drop())

describe('applyCatalogue', () => {
  it('with nothing applied there is no current catalogue', async () => {
    expect(await currentCatalogue(db)).toBeUndefined()
    expect(await currentVersion(db)).toBeUndefined()
    expect(await new CatalogueCache().current(db)).toBeUndefined()
  })

  it('what was applied is read back the same, in the same order', async () => {
    const { version, changes } = await applyCatalogue(db, example, 'tester')
    expect(changes).toContain('+ role reader')
    expect(await currentCatalogue(db)).toEqual({ version, catalogue: example })
    expect(await currentVersion(db)).toBe(version)
    const row = await db('catalogue_versions').first()
    expect(row).toMatchObject({ applied_by: 'tester', digest: expect.stringMatching(/^[0-9a-f]{64}$/) })
  })

  it('an unchanged catalogue makes no new version', async () => {
    const first = await applyCatalogue(db, example, 'tester')
    expect(await applyCatalogue(db, structuredClone(example), 'tester')).toEqual({
      version: first.version,
      changes: [],
    })
    expect(await db('catalogue_versions')).toHaveLength(1)
  })

  it('a changed one does, and the old version stays as it was', async () => {
    const first = await applyCatalogue(db, example, 'tester')
    const second = await applyCatalogue(db, renamed, 'tester')
    expect(second.version).toBeGreaterThan(first.version)
    expect(second.changes).toEqual(['~ resource http://localhost:4001/mcp is named Renamed, was Notes'])
    expect(await new CatalogueCache().at(db, first.version)).toEqual(example)
  })

  it('of many who apply the same catalogue at once, exactly one makes a version', async () => {
    const results = await Promise.all(Array.from({ length: 6 }, () => applyCatalogue(db, example, 'tester')))
    expect(results.filter((result) => result.changes.length > 0)).toHaveLength(1)
    expect(await db('catalogue_versions')).toHaveLength(1)
  })

  it('versions are listed newest first, with who applied them, and each is found again', async () => {
    const first = await applyCatalogue(db, example, 'ann')
    const second = await applyCatalogue(db, renamed, 'bob', first.version)
    const { rows: listed } = await listVersions(db, { limit: 10 })
    expect(listed.map(({ version, applied_by }) => [version, applied_by])).toEqual([
      [second.version, 'bob'],
      [first.version, 'ann'],
    ])
    const { rows, next } = await listVersions(db, { limit: 1 })
    expect([rows, (await listVersions(db, { limit: 1, after: next })).rows]).toEqual([
      [listed[0]],
      [listed[1]],
    ])
    expect(await findVersion(db, first.version)).toMatchObject({ applied_by: 'ann', catalogue: example })
    expect((await findVersion(db))?.digest).toBe(catalogueDigest(renamed))
    expect(await findVersion(db, 4711)).toBeUndefined()
  })

  it('replaces only the version that it is told to', async () => {
    await expect(applyCatalogue(db, example, 'tester', 1)).rejects.toMatchObject({ code: 'conflict' })
    const { version } = await applyCatalogue(db, example, 'tester', 0)
    await expect(applyCatalogue(db, renamed, 'tester', version + 1)).rejects.toThrow(
      'somebody applied another',
    )
    expect(await currentVersion(db)).toBe(version)
  })

  it('inside a transaction that rolls back, nothing was applied', async () => {
    const failing = db.transaction(async (trx) => {
      await applyCatalogue(trx, example, 'tester')
      throw new Error('rolled back')
    })
    await expect(failing).rejects.toThrow('rolled back')
    expect(await currentVersion(db)).toBeUndefined()
  })
})

describe('CatalogueCache', () => {
  it('reads a version once, however many ask for it together or later', async () => {
    const { version } = await applyCatalogue(db, example, 'tester')
    const cache = new CatalogueCache()
    const [one, two] = await Promise.all([cache.at(db, version), cache.at(db, version)])
    await db('catalogue_versions').delete()
    expect(two).toBe(one)
    expect(await cache.at(db, version)).toBe(one)
  })

  it('follows to a newer version, and a straggler asking for the older does not turn it back', async () => {
    const first = await applyCatalogue(db, example, 'tester')
    const cache = new CatalogueCache()
    expect((await cache.current(db))?.catalogue).toEqual(example)
    const second = await applyCatalogue(db, renamed, 'tester')
    const newer = await cache.at(db, second.version)
    expect(newer).toEqual(renamed)
    expect(await cache.at(db, first.version)).toEqual(example)
    expect(await cache.at(db, second.version)).toBe(newer)
  })

  it('an unknown version is an error that leaves the cache usable', async () => {
    const { version } = await applyCatalogue(db, example, 'tester')
    const cache = new CatalogueCache()
    await expect(cache.at(db, 4711)).rejects.toThrow('catalogue version 4711 does not exist')
    const catalogue = await cache.at(db, version)
    expect(catalogue).toEqual(example)
    expect(await cache.at(db, version)).toBe(catalogue)
  })
})
