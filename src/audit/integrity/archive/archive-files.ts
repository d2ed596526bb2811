import { randomUUID } from 'node:crypto'
import { type FileHandle, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { AppError } from '../../../base/errors.ts'
import { MANIFEST_ENDING, ROWS_ENDING, SIGNATURE_ENDING } from './archive-format.ts'

const UNFINISHED = /\.(gz|json|jws)\.[0-9a-f-]{36}\.tmp$/

/** Files that are there whole or not at all, whenever the process or the machine stops. */

/**
 * Writes through `write` to a temporary name beside `path`, waits until it is on disk and gives it its name. What was
 * under that name is replaced. Nothing is left when `write` throws.
 */
export async function writeWhole<T>(path: string, write: (file: FileHandle) => Promise<T>): Promise<T> {
  const temporary = `${path}.${randomUUID()}.tmp`
  const file = await open(temporary, 'wx', 0o600)
  try {
    const result = await write(file)
    await file.sync()
    await file.close()
    await rename(temporary, path)
    await syncDirectory(dirname(path))
    return result
  } catch (error) {
    await file.close().catch(() => undefined)
    await rm(temporary, { force: true })
    throw error
  }
}

/** Removes what a process that was killed began to write to these names. Nobody else may be writing to them. */
export async function removeUnfinished(path: string): Promise<void> {
  const [directory, base] = [dirname(path), basename(path)]
  for (const name of await readdir(directory))
    if (name.startsWith(`${base}.`) && UNFINISHED.test(name)) await rm(join(directory, name), { force: true })
}

export async function writeText(path: string, text: string): Promise<void> {
  await writeWhole(path, (file) => file.writeFile(text))
}

/** A new name survives a crash only when its directory was written too. */
async function syncDirectory(path: string): Promise<void> {
  // Windows has no such thing.
  const directory = await open(path, 'r').catch(() => undefined)
  await directory?.sync().catch(() => undefined)
  await directory?.close()
}

/** The content of a file, undefined where there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * The archives in a directory, or the one that a file belongs to: their paths without ending, by name. Throws
 * `not_found` when there is none.
 */
export async function findArchives(path: string): Promise<string[]> {
  const found = await stat(path).catch(() => undefined)
  const is_directory = found?.isDirectory() === true
  const names = is_directory ? (await readdir(path)).sort().map((name) => join(path, name)) : [path]
  const endings = [MANIFEST_ENDING, ROWS_ENDING, SIGNATURE_ENDING]
  const bases = names.flatMap((name) => {
    const ending = endings.find((known) => name.endsWith(known))
    return ending ? [name.slice(0, -ending.length)] : []
  })
  if (!found || bases.length === 0)
    throw new AppError(
      'not_found',
      `There is no archive of the audit log at ${path}: files named ….manifest.json`,
    )
  return [...new Set(bases)]
}
