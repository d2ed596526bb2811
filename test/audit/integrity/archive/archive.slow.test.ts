import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { archiveMonth, monthsToArchive } from '../../../../src/audit/integrity/archive/archive.ts'
import { readManifest } from '../../../../src/audit/integrity/archive/archive-format.ts'
import { claimPartitions, finishedMonths } from '../../../../src/audit/integrity/archive/partition-store.ts'
import { readRowLine } from '../../../../src/audit-chain/row-line.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { evidence, inMonth, monthStart, partitionOf, write, writeMonths } from '../../months.ts'

let test: TestDatabase
let directory: string

beforeEach(async () => {
  test = await createTestDatabase()
  directory = await mkdtemp(join(tmpdir(), 'toolgate-archive-'))
})

afterEach(async () => {
  await test.drop()
  await rm(directory, { recursive: true })
})

async function archiveOldest() {
  const { knex } = test.database
  const [month] = await finishedMonths(knex, 1)
  return archiveMonth(knex, month!, { directory, evidence: evidence() })
}

describe('archiveMonth', () => {
  it('writes every row with every column, in the order of its chain, and a manifest that says so', async () => {
    await writeMonths(test.database, 3, 5)
    const { manifest, is_new } = await archiveOldest()
    const name = partitionOf(3)
    expect((await readdir(directory)).sort()).toEqual([
      `${name}.jsonl.gz`,
      `${name}.manifest.json`,
      `${name}.manifest.jws`,
    ])
    const lines = gunzipSync(await readFile(join(directory, `${name}.jsonl.gz`)))
      .toString()
      .trimEnd()
      .split('\n')
    const stored = await test.database.knex(name).orderBy(['writer_id', 'seq'])
    expect(lines.map(readRowLine)).toEqual(stored.map((row) => ({ ...row, seq: Number(row.seq) })))
    expect(is_new).toBe(true)
    expect(manifest).toMatchObject({
      partition: name,
      part: 1,
      rows: 10,
      from: monthStart(3).toISOString(),
      to: monthStart(2).toISOString(),
      checkpoint: 'the.newest.checkpoint',
    })
    expect(manifest.runs.map(({ first_seq, last_seq }) => [first_seq, last_seq])).toEqual([
      [1, 5],
      [1, 5],
    ])
    const text = await readFile(join(directory, `${name}.manifest.json`), 'utf8')
    expect(readManifest(text)).toEqual(manifest)
  })

  it('does nothing when the same is there already, whoever compressed it', async () => {
    await writeMonths(test.database, 3, 5)
    const first = await archiveOldest()
    const before = await readFile(join(directory, `${partitionOf(3)}.jsonl.gz`))
    const second = await archiveOldest()
    expect(second).toEqual({ ...first, is_new: false })
    expect(await readFile(join(directory, `${partitionOf(3)}.jsonl.gz`))).toEqual(before)
  })

  it('refuses when another archive is there, and leaves it', async () => {
    const head = await writeMonths(test.database, 3, 5)
    await archiveOldest()
    const path = join(directory, `${partitionOf(3)}.jsonl.gz`)
    const before = await readFile(path)
    await write(test.database, head, inMonth(3), 1)
    await expect(archiveOldest()).rejects.toMatchObject({ code: 'conflict' })
    expect(await readFile(path)).toEqual(before)
    await writeFile(path, randomBytes(100))
    await expect(archiveOldest()).rejects.toMatchObject({ code: 'conflict' })
  })

  it('begins anew where one was interrupted before its manifest', async () => {
    await writeMonths(test.database, 3, 5)
    const { manifest } = await archiveOldest()
    await rm(join(directory, `${partitionOf(3)}.manifest.json`))
    await writeFile(join(directory, `${partitionOf(3)}.jsonl.gz`), 'half')
    const again = await archiveOldest()
    expect(again).toMatchObject({ is_new: true, manifest: { content_sha256: manifest.content_sha256 } })
  })

  it('archives an empty month, and takes more rows than fit into one page', async () => {
    await writeMonths(test.database, 3, 2_100)
    const { manifest } = await archiveOldest()
    expect(manifest.rows).toBe(4_200)
    const { knex } = test.database
    await knex.raw('drop table ??', [partitionOf(2)])
    await knex.raw('create table ?? (like audit_events including all)', [partitionOf(2)])
    await knex.raw(
      `alter table audit_events attach partition ${partitionOf(2)}
       for values from ('${monthStart(2).toISOString()}') to ('${monthStart(1).toISOString()}')`,
    )
    const months = await monthsToArchive(knex, { partition: partitionOf(2) })
    expect((await archiveMonth(knex, months[0]!, { directory })).manifest).toMatchObject({
      rows: 0,
      runs: [],
    })
  })

  it('refuses rows that were changed, and leaves no file', async () => {
    await writeMonths(test.database, 3, 5)
    const { knex } = test.database
    await knex.raw(`alter table ${partitionOf(3)} disable trigger all`)
    await knex(partitionOf(3)).where({ seq: 3 }).update({ tool: 'another' })
    await expect(archiveOldest()).rejects.toThrow('is not whole')
    expect(await readdir(directory)).toEqual([])
  })

  it('runs once at a time', async () => {
    await writeMonths(test.database, 2, 1)
    const other = await test.database.knex.transaction()
    await claimPartitions(other)
    await expect(archiveOldest()).rejects.toMatchObject({ code: 'unavailable' })
    await other.rollback()
  })
})

describe('monthsToArchive', () => {
  it('are the finished ones, those before a time, or one by name; no month that is not over', async () => {
    await writeMonths(test.database, 4, 1)
    const { knex } = test.database
    const names = async (choice: Parameters<typeof monthsToArchive>[1]) =>
      (await monthsToArchive(knex, choice)).map(({ name }) => name)
    expect(await names({ before: monthStart(2) })).toEqual([4, 3].map(partitionOf))
    expect(await names({ partition: partitionOf(3) })).toEqual([partitionOf(3)])
    expect((await names({})).slice(0, 3)).toEqual([4, 3, 2].map(partitionOf))
    for (const partition of [partitionOf(0), 'audit_events_default', 'accounts', '../../etc'])
      await expect(names({ partition })).rejects.toMatchObject({ code: 'invalid_input' })
  })
})
