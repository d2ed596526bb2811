/** The spool: reports that wait in a file, and outlive the process. Only for whoever has `node:fs`. */
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { isObject, parseJson } from '../../base/json.ts'
import { lockFile } from '../local/file-lock.ts'
import type { CallReport } from '../reports/call-report.ts'
import type { Spool } from '../reports/spool.ts'

/** Acknowledgements that a file gathers before it is written anew. */
const STALE_MAX = 1_000
const OWNER_ONLY = 0o600

/**
 * Keeps reports in the file at `path` until they are acknowledged: what one process left, however it ended, the next one
 * sends. One line for each report and for each acknowledgement; never a token, never arguments. For one process at a time.
 * @throws Error when the file cannot be read and written, or another process has it
 */
export function fileSpool(path: string): Spool {
  const unlock = lockFile(path, { other_machines: 'are over' })
  try {
    const left = readLeft(path)
    begin(path, left)
    return new FileSpool(path, left, unlock)
  } catch (error) {
    unlock()
    throw error
  }
}

/** The file with what is left, and no line that was torn: whatever it was before, now only its owner reads it. */
function begin(path: string, left: readonly CallReport[]): void {
  rmSync(asideOf(path), { force: true })
  const file = openSync(asideOf(path), 'wx', OWNER_ONLY)
  writeFileSync(file, left.map(lineOf).join(''))
  closeSync(file)
  renameSync(asideOf(path), path)
}

function asideOf(path: string): string {
  return `${path}.new`
}

class FileSpool implements Spool {
  readonly left: readonly CallReport[]
  readonly #path: string
  readonly #unlock: () => void
  readonly #waiting: Set<string>
  /** Reports that are acknowledged and lie in the file yet. */
  #stale = 0
  #file: FileHandle | undefined
  #lines: string[] = []
  #next: Promise<void> | undefined
  #last: Promise<void> = Promise.resolve()
  #is_torn = false

  constructor(path: string, left: readonly CallReport[], unlock: () => void) {
    this.#path = path
    this.#unlock = unlock
    this.left = left
    this.#waiting = new Set(left.map(({ id }) => id))
  }

  async take(reports: readonly CallReport[]): Promise<void> {
    await this.#append(reports.map(lineOf).join(''))
    for (const { id } of reports) this.#waiting.add(id)
  }

  async acknowledge(ids: readonly string[]): Promise<void> {
    for (const id of ids) if (this.#waiting.delete(id)) this.#stale += 1
    await this.#append(`${JSON.stringify({ taken: ids })}\n`)
  }

  async close(): Promise<void> {
    await this.#last.catch(() => {})
    await this.#file?.close()
    this.#file = undefined
    this.#unlock()
  }

  /** What comes while a write is under way shares the next one. Rejects when it is not in the file. */
  #append(lines: string): Promise<void> {
    this.#lines.push(lines)
    if (this.#next) return this.#next
    const next = this.#last
      .catch(() => {})
      .then(() => {
        this.#next = undefined
        return this.#write(this.#lines.splice(0).join(''))
      })
    this.#next = next
    this.#last = next
    return next
  }

  async #write(lines: string): Promise<void> {
    this.#file ??= await open(this.#path, 'a', OWNER_ONLY)
    const text = this.#is_torn ? `\n${lines}` : lines
    this.#is_torn = true
    await this.#file.appendFile(text)
    this.#is_torn = false
    if (this.#stale < STALE_MAX || this.#stale < this.#waiting.size) return
    this.#stale = 0
    // Where there is no room for a second file, the first one serves on.
    await this.#compact().catch(() => {})
  }

  async #compact(): Promise<void> {
    await rm(asideOf(this.#path), { force: true })
    const file = await open(asideOf(this.#path), 'wx', OWNER_ONLY)
    try {
      await file.writeFile(readLeft(this.#path).map(lineOf).join(''))
      await rename(asideOf(this.#path), this.#path)
    } catch (error) {
      await file.close()
      throw error
    }
    await this.#file?.close()
    this.#file = file
  }
}

function lineOf(report: CallReport): string {
  return `${JSON.stringify(report)}\n`
}

/** What the file has and does not acknowledge. A line that a death tore in two says nothing. */
function readLeft(path: string): CallReport[] {
  const left = new Map<string, CallReport>()
  for (const line of textOf(path).split('\n')) {
    const entry = parseJson(line)
    if (!isObject(entry)) continue
    if (Array.isArray(entry.taken)) for (const id of entry.taken) left.delete(id)
    else if (typeof entry.id === 'string' && typeof entry.type === 'string')
      left.set(entry.id, entry as CallReport)
  }
  return [...left.values()]
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}
