import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { archiveMonth } from '../../../../src/audit/integrity/archive/archive.ts'
import { manifestText, readManifest } from '../../../../src/audit/integrity/archive/archive-format.ts'
import { verifyArchives } from '../../../../src/audit/integrity/archive/archive-verify.ts'
import { finishedMonths } from '../../../../src/audit/integrity/archive/partition-store.ts'
import { sha256 } from '../../../../src/base/digest.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { evidence, partitionOf, writeMonths } from '../../months.ts'

let test: TestDatabase
let directory: string
const keys = evidence()

beforeEach(async () => {
  test = await createTestDatabase()
  directory = await mkdtemp(join(tmpdir(), 'toolgate-archive-'))
  await writeMonths(test.database, 4, 6)
  for (const month of await finishedMonths(test.database.knex, 1))
    await archiveMonth(test.database.knex, month, { directory, evidence: keys })
})

afterEach(async () => {
  await test.drop()
  await rm(directory, { recursive: true })
})

const check = (path = directory) => verifyArchives(path, { check_signature: keys.check_signature })
const file = (ago: number, ending: string) => join(directory, partitionOf(ago) + ending)

/** What a forger does who has no key: changes lines and makes the manifest fit again. */
async function rewrite(ago: number, change: (lines: string[]) => string[]): Promise<void> {
  const path = file(ago, '.jsonl.gz')
  const lines = gunzipSync(await readFile(path))
    .toString()
    .trimEnd()
    .split('\n')
  const content = change(lines)
    .map((line) => `${line}\n`)
    .join('')
  const packed = gzipSync(content)
  await writeFile(path, packed)
  const manifest = readManifest(await readFile(file(ago, '.manifest.json'), 'utf8'))!
  const digests = {
    file_sha256: sha256(packed).toString('hex'),
    content_sha256: sha256(content).toString('hex'),
    rows: change(lines).length,
  }
  await writeFile(file(ago, '.manifest.json'), manifestText({ ...manifest, ...digests }))
  await rm(file(ago, '.manifest.jws'), { force: true })
}

describe('verifyArchives', () => {
  it('finds whole archives whole, their chains going on from one to the next', async () => {
    expect(await check()).toEqual({
      archives: 3,
      signed: 3,
      signers: ['audit key'],
      rows: 36,
      writers: 4,
      faults: [],
      fault_count: 0,
      begun_before: 0,
    })
  })

  it('says of a single archive that chains began before it', async () => {
    for (const ending of ['.manifest.json', '.jsonl.gz'])
      expect(await check(file(3, ending))).toMatchObject({ archives: 1, fault_count: 0, begun_before: 1 })
    await rm(file(4, '.manifest.json'))
    await rm(file(4, '.jsonl.gz'))
    await rm(file(4, '.manifest.jws'))
    expect(await check()).toMatchObject({ archives: 2, fault_count: 0, begun_before: 1 })
  })

  it('finds an archive that is missing in the middle', async () => {
    for (const ending of ['.manifest.json', '.jsonl.gz', '.manifest.jws']) await rm(file(3, ending))
    const { faults } = await check()
    expect(faults).toMatchObject([{ kind: 'gap', seq: 7, message: expect.stringContaining('rows 7 to 12') }])
  })

  it('finds a changed, removed or moved row, also when the manifest was made to fit', async () => {
    const untouched = await readFile(file(3, '.jsonl.gz'))
    const manifest = await readFile(file(3, '.manifest.json'))
    for (const change of [
      (lines: string[]) => lines.with(2, lines[2]!.replace('tool_', 'tole_')),
      (lines: string[]) => lines.toSpliced(4, 1),
      (lines: string[]) => lines.slice(0, -1),
      (lines: string[]) => lines.slice(1),
      (lines: string[]) => lines.with(1, lines[2]!).with(2, lines[1]!),
      (lines: string[]) => [...lines, lines.at(-1)!],
      (lines: string[]) => [...lines, '{"tool":"forged"}'],
      (lines: string[]) => [...lines, ''],
      () => ['null', '[]', '{', '\u0000'],
    ]) {
      await rewrite(3, change)
      expect((await verifyArchives(directory)).fault_count, String(change)).toBeGreaterThan(0)
      await writeFile(file(3, '.jsonl.gz'), untouched)
      await writeFile(file(3, '.manifest.json'), manifest)
    }
  })

  it('finds bytes that were changed, a file cut short, and one that is missing', async () => {
    const bytes = await readFile(file(3, '.jsonl.gz'))
    for (const changed of [
      bytes.with(Math.floor(bytes.length / 2), 0),
      bytes.subarray(0, -9),
      Buffer.concat([bytes, bytes]),
      Buffer.alloc(0),
      Buffer.from('no gzip'),
    ]) {
      await writeFile(file(3, '.jsonl.gz'), changed)
      expect((await check()).faults[0]).toMatchObject({ archive: partitionOf(3), kind: 'file' })
    }
    await rm(file(3, '.jsonl.gz'))
    expect((await check()).fault_count).toBeGreaterThan(0)
  })

  it('finds a manifest that was changed, exchanged, taken away or is none', async () => {
    const text = await readFile(file(3, '.manifest.json'), 'utf8')
    for (const other of [
      text.replace('the.newest.checkpoint', 'an.older.checkpoint'),
      text.replace(/"rows": \d+/, '"rows": 1'),
      await readFile(file(2, '.manifest.json'), 'utf8'),
      text.replace('"part": 1', '"part": 2'),
      text.replace('.jsonl.gz', '/../x.jsonl.gz'),
      '{}',
      '',
      '[',
    ]) {
      await writeFile(file(3, '.manifest.json'), other)
      expect((await check()).fault_count, other).toBeGreaterThan(0)
    }
    await rm(file(3, '.manifest.json'))
    expect((await check()).faults[0]).toMatchObject({ message: 'has no manifest' })
  })

  it('finds a signature that is missing or that of another archive, when there is a key to check with', async () => {
    const other = await readFile(file(2, '.manifest.jws'))
    await writeFile(file(3, '.manifest.jws'), other)
    expect((await check()).faults).toMatchObject([{ message: 'has a manifest with a wrong signature' }])
    await rm(file(3, '.manifest.jws'))
    expect((await check()).faults).toMatchObject([{ message: 'has a manifest without a signature' }])
    expect(await verifyArchives(directory)).toMatchObject({ archives: 3, signed: 2, fault_count: 0 })
  })

  it('says when there is no archive, and passes over files that are none', async () => {
    await writeFile(join(directory, 'README'), 'by hand')
    await writeFile(join(directory, `${partitionOf(9)}.jsonl.gz.1234.tmp`), 'interrupted')
    expect(await check()).toMatchObject({ archives: 3, fault_count: 0 })
    for (const path of [join(directory, 'nowhere'), join(directory, 'README'), tmpdir()])
      if (path !== tmpdir() || !(await readdir(path)).some((name) => name.endsWith('.manifest.json')))
        await expect(check(path)).rejects.toMatchObject({ code: 'not_found' })
  })
})
