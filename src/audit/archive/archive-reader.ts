import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { AuditRow } from '../../evidence/hash-chain.ts'
import { type Manifest, ROWS_ENDING, readRowLine } from './archive-format.ts'

/** A file of an archive that cannot be read to its end; the message says why. */
export class ArchiveFault extends Error {}

/** Longer than any row can be: 32 keys with 128 texts of 1,024 letters each, and everything escaped. */
const LINE_BYTES_MAX = 64 * 1024 * 1024
const NEWLINE = 0x0a
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
  try {
    await pipeline(
      createReadStream(path + ROWS_ENDING),
      (chunks: AsyncIterable<Buffer>) => hashed(chunks, packed),
      createGunzip({ chunkSize: CHUNK_BYTES }),
      async (chunks: AsyncIterable<Buffer>) => {
        for await (const chunk of hashed(chunks, content)) on_rows(lines.feed(chunk))
      },
    )
    lines.end()
  } catch (error) {
    if (error instanceof ArchiveFault || !(error instanceof Error && 'code' in error)) throw error
    throw new ArchiveFault(`cannot be read: ${error.message}`)
  }
  if (packed.digest('hex') !== manifest.file_sha256) throw new ArchiveFault('is not the file of its manifest')
  if (content.digest('hex') !== manifest.content_sha256)
    throw new ArchiveFault('does not hold the rows of its manifest')
}

async function* hashed(chunks: AsyncIterable<Buffer>, digest: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    digest.update(chunk)
    yield chunk
  }
}

/** Rows out of bytes that come in pieces. */
class LineReader {
  #rest: Buffer[] = []
  #rest_bytes = 0
  #line = 0

  feed(chunk: Buffer): AuditRow[] {
    const end = chunk.lastIndexOf(NEWLINE)
    if (end === -1) {
      this.#keep(chunk)
      return []
    }
    const text = Buffer.concat([...this.#rest, chunk.subarray(0, end)]).toString('utf8')
    this.#rest = []
    this.#rest_bytes = 0
    this.#keep(chunk.subarray(end + 1))
    return text.split('\n').map((line) => this.#read(line))
  }

  end(): void {
    if (this.#rest_bytes > 0) throw new ArchiveFault('ends within a line')
  }

  #keep(bytes: Buffer): void {
    this.#rest.push(bytes)
    this.#rest_bytes += bytes.length
    if (this.#rest_bytes > LINE_BYTES_MAX) throw new ArchiveFault(`has a line that no row fills`)
  }

  #read(line: string): AuditRow {
    this.#line += 1
    const row = readRowLine(line)
    if (!row) throw new ArchiveFault(`has no row of the audit log in line ${this.#line}`)
    return row
  }
}
