/** Where months go: partitions made ahead, archived, closed with a signature and dropped. */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Knex } from 'knex'
import { rowLine } from '../../../audit-chain/row-line.ts'
import { sha256 } from '../../../base/digest.ts'
import { AppError } from '../../../base/errors.ts'
import { inTransaction } from '../../../storage/transaction.ts'
import { sameRuns } from '../verification/chain-runs.ts'
import { MonthVerifier } from '../verification/month-verifier.ts'
import { readIfThere, removeUnfinished, writeText, writeWhole } from './archive-files.ts'
import {
  ARCHIVE_FORMAT,
  baseName,
  MANIFEST_ENDING,
  type Manifest,
  manifestStatement,
  manifestText,
  ROWS_ENDING,
  readManifest,
  SIGNATURE_ENDING,
} from './archive-format.ts'
import { hashed } from './archive-reader.ts'
import { timesClosed } from './closing-store.ts'
import type { Evidence } from './evidence.ts'
import { claimPartitions, finishedMonths, type Month, readPartition } from './partition-store.ts'

export type ArchiveOptions = {
  /** Made when it is not there. */
  directory: string
  /** Without it there is no signature, and no checkpoint in the manifest. */
  evidence?: Pick<Evidence, 'sign' | 'newest_checkpoint'> | undefined
  on_progress?: ((progress: { partition: string; rows: number }) => void) | undefined
}

export type Archived = { manifest: Manifest; path: string; is_new: boolean }

/** Which months to archive: one by the name of its partition, or all that ended before a time; else all finished. */
export type ArchiveChoice = { partition?: string | undefined; before?: Date | undefined }

/** The finished months of a choice, oldest first. Throws `invalid_input` for a partition that is not a finished month. */
export async function monthsToArchive(db: Knex, { partition, before }: ArchiveChoice): Promise<Month[]> {
  const months = (await finishedMonths(db, 0)).filter(
    ({ name, ends_at }) =>
      (partition === undefined || name === partition) && (before === undefined || ends_at <= before),
  )
  if (partition !== undefined && months.length === 0)
    throw new AppError(
      'invalid_input',
      `${partition} is not a partition of a month that is over; \`toolgate audit partitions\` lists them`,
    )
  return months
}

/**
 * Writes one month to a compressed file with a manifest, and a signature when there is a key. A month that is there
 * already is compared: the same is left alone, another is refused with `conflict`. So are rows that are not whole,
 * because an archive of them would only look like evidence.
 */
export async function archiveMonth(db: Knex, month: Month, options: ArchiveOptions): Promise<Archived> {
  await mkdir(options.directory, { recursive: true, mode: 0o700 })
  return inTransaction(db, async (trx) => {
    await claimPartitions(trx)
    const part = (await timesClosed(trx, month.name)) + 1
    const path = join(options.directory, baseName(month.name, part))
    const existing = await readIfThere(path + MANIFEST_ENDING)
    if (existing !== undefined) return compare(trx, month, path, existing, options)
    await removeUnfinished(path)
    const manifest = await writeRows(trx, month, part, path, options)
    const text = manifestText(manifest)
    const signature = await options.evidence?.sign(manifestStatement(manifest, sha256(text)))
    if (signature === undefined) await rm(path + SIGNATURE_ENDING, { force: true })
    else await writeText(path + SIGNATURE_ENDING, signature)
    // Last, because a file without manifest is one that was never finished.
    await writeText(path + MANIFEST_ENDING, text)
    return { manifest, path, is_new: true }
  })
}

type Read = { verifier: MonthVerifier; content: Hash }

/** The lines of a partition, in pieces of many rows, checked and hashed on their way. */
async function* readLines(
  trx: Knex.Transaction,
  { name }: Month,
  { verifier, content }: Read,
  { on_progress }: ArchiveOptions,
): AsyncGenerator<Buffer> {
  for await (const page of readPartition(trx, name, verifier)) {
    const bytes = Buffer.from(page.map((row) => `${rowLine(row)}\n`).join(''))
    content.update(bytes)
    on_progress?.({ partition: name, rows: verifier.rows })
    yield bytes
  }
}

async function writeRows(
  trx: Knex.Transaction,
  month: Month,
  part: number,
  path: string,
  options: ArchiveOptions,
): Promise<Manifest> {
  const read = { verifier: new MonthVerifier(), content: createHash('sha256') }
  const packed = createHash('sha256')
  const write = async (file: FileHandle) => {
    const gzipped = (chunks: AsyncIterable<Buffer>) => hashed(chunks, packed)
    await pipeline(readLines(trx, month, read, options), createGzip(), gzipped, async (chunks) => {
      for await (const chunk of chunks) await file.writeFile(chunk)
    })
    return (await file.stat()).size
  }
  const file_bytes = await writeWhole(path + ROWS_ENDING, write)
  return {
    format: ARCHIVE_FORMAT,
    partition: month.name,
    part,
    from: month.starts_at.toISOString(),
    to: month.ends_at.toISOString(),
    rows: read.verifier.rows,
    file: baseName(month.name, part) + ROWS_ENDING,
    file_bytes,
    file_sha256: packed.digest('hex'),
    content_sha256: read.content.digest('hex'),
    runs: read.verifier.runs,
    checkpoint: (await options.evidence?.newest_checkpoint()) ?? null,
    created_at: new Date().toISOString(),
  }
}

async function compare(
  trx: Knex.Transaction,
  month: Month,
  path: string,
  existing: string,
  options: ArchiveOptions,
): Promise<Archived> {
  const manifest = readManifest(existing)
  const packed = manifest && (await fileSha256(path + ROWS_ENDING))
  const read = { verifier: new MonthVerifier(), content: createHash('sha256') }
  if (manifest && packed === manifest.file_sha256)
    for await (const _ of readLines(trx, month, read, options));
  const is_same =
    packed === manifest?.file_sha256 &&
    read.content.digest('hex') === manifest?.content_sha256 &&
    sameRuns(read.verifier.runs, manifest.runs)
  if (manifest && is_same) return { manifest, path, is_new: false }
  throw new AppError(
    'conflict',
    `${path}${MANIFEST_ENDING} is an archive of something else than ${month.name} holds now; find out why, then move its files away to have it written anew`,
  )
}

/** Undefined where there is no file. */
async function fileSha256(path: string): Promise<string | undefined> {
  const digest = createHash('sha256')
  try {
    for await (const chunk of createReadStream(path)) digest.update(chunk)
    return digest.digest('hex')
  } catch {
    return undefined
  }
}
