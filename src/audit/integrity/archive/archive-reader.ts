import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { AuditRow } from '../../../audit-chain/hash-chain.ts'
import { readRowLine } from '../../../audit-chain/row-line.ts'
import { LineReader } from '../verification/line-reader.ts'
import { type Manifest, ROWS_ENDING } from './archive-format.ts'

/** A file of an archive that cannot be read to its end; the message says why. */
export class ArchiveFault extends Error {}

const CHUNK_BYTES = 256 * 1024

/**
 * Gives the rows of an archive's file to `on_rows`, chunk by chunk, with memory that does not grow with the file.
 * Throws ArchiveFault when the file is not there, is not what the manifest says, or holds anything but rows.
 */
export async function readArchive(
  path: string,
  manifest: Manifest,
  on_rows: (rows: AuditRow[]) => void,
): Promise<void> {
  const packed = createHash('sha256')
  const content = createHash('sha256')
  const lines = new LineReader()
  let read = 0
  const readRow = (line: string): AuditRow => {
    read += 1
    const row = readRowLine(line)
    if (!row) throw new ArchiveFault(`has no row of the audit log in line ${read}`)
    return row
  }
  try {
    await pipeline(
      createReadStream(path + ROWS_ENDING),
      (chunks: AsyncIterable<Buffer>) => hashed(chunks, packed),
      createGunzip({ chunkSize: CHUNK_BYTES }),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of hashed(chunks, content)) {
          on_rows(lines.feed(chunk).map(readRow))
          if (lines.is_too_long) throw new ArchiveFault('has a line that no row fills')
        }
      },
    )
    if (lines.rest_bytes > 0) throw new ArchiveFault('ends within a line')
  } catch (error) {
    if (error instanceof ArchiveFault || !(error instanceof Error && 'code' in error)) throw error
    throw new ArchiveFault(`cannot be read: ${error.message}`)
  }
  if (packed.digest('hex') !== manifest.file_sha256) throw new ArchiveFault('is not the file of its manifest')
  if (content.digest('hex') !== manifest.content_sha256)
    throw new ArchiveFault('does not hold the rows of its manifest')
}

/** The same chunks, which are hashed on their way. */
export async function* hashed(chunks: AsyncIterable<Buffer>, digest: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    digest.update(chunk)
    yield chunk
  }
}
