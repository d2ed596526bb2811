import { open } from 'node:fs/promises'
import { type Checkpoint, readCheckpoint } from '../checkpoints/checkpoint.ts'

/** The newest checkpoint that is kept outside the database, where the server itself can read it: in files. */
const FILE = 'file:'
/** Holds hundreds of checkpoints; the newest is the last one. */
const TAIL_BYTES = 1024 * 1024

/** Of the places that checkpoints go to, those that can be read again. */
export function readableSinks(sinks: readonly string[]): string[] {
  return sinks.filter((place) => place.startsWith(FILE)).map((place) => place.slice(FILE.length))
}

/**
 * The newest good checkpoint of these files that the key with this thumbprint signed. A file that is not there yet has
 * none; lines that are none, or of another key, are passed over. Throws what reading the files throws.
 */
export async function newestKept(
  files: readonly string[],
  thumbprint: string,
): Promise<Checkpoint | undefined> {
  const found = await Promise.all(files.map((file) => newestIn(file, thumbprint)))
  return found
    .filter((checkpoint) => checkpoint !== undefined)
    .toSorted((one, other) => other.created_at.getTime() - one.created_at.getTime())[0]
}

async function newestIn(file: string, thumbprint: string): Promise<Checkpoint | undefined> {
  for (const line of (await tailOf(file)).split('\n').toReversed()) {
    const checkpoint = await readCheckpoint(line.trim(), { public_key: thumbprint }).catch(() => undefined)
    if (checkpoint) return checkpoint
  }
  return undefined
}

async function tailOf(path: string): Promise<string> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!file) return ''
  try {
    const { size } = await file.stat()
    const length = Math.min(size, TAIL_BYTES)
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, size - length)
    return buffer.toString('latin1')
  } finally {
    await file.close()
  }
}
