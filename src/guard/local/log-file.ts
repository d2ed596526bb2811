import {
  closeSync,
  constants,
  fchmodSync,
  fdatasync,
  fstat,
  fstatSync,
  fsyncSync,
  ftruncate,
  openSync,
  realpathSync,
  write,
  writeFileSync,
} from 'node:fs'
import { basename, dirname } from 'node:path'
import { promisify } from 'node:util'
import { type AuditRow, isIntact } from '../../audit-chain/hash-chain.ts'
import { readRowLine } from '../../audit-chain/row-line.ts'
import { sha256 } from '../../base/digest.ts'
import { lockFile } from './file-lock.ts'
import { readTail } from './file-tail.ts'

const [stat, sync, truncate, writeSome] = [fstat, fdatasync, ftruncate, write].map((call) =>
  promisify(call),
) as unknown as [
  (fd: number) => Promise<{ size: number; nlink: number }>,
  (fd: number) => Promise<void>,
  (fd: number, length: number) => Promise<void>,
  (fd: number, bytes: Buffer, offset: number) => Promise<{ bytesWritten: number }>,
]

const OWNER_ONLY = 0o600
const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND
/** How every row begins. */
const ROW_START = Buffer.from('{"occurred_at":"')

/** What a crash left behind the last whole line. */
export type Torn = { bytes: number; sha256: string; file: string }

/** The file of a local log, for the one process that may write to it: whole lines, each on the disk before it counts. */
export class LogFile {
  /** With which the file ended when it was opened. */
  readonly last_row: AuditRow | undefined
  readonly #path: string
  readonly #fd: number
  readonly #release: () => void
  #torn: Buffer
  #length: number
  /** A write failed, and nobody knows what of it is there. */
  #is_in_doubt = false

  private constructor(path: string, fd: number, release: () => void) {
    this.#path = path
    this.#fd = fd
    this.#release = release
    const { last_line, torn, length } = readTail(fd)
    this.last_row = lastRow(path, last_line)
    if (!this.last_row && torn.length > 0 && !beginsAsRow(torn)) throw notALog(path)
    this.#torn = torn
    this.#length = length
  }

  /** Throws where another process writes to the file, where it cannot be opened, and where it ends with no row. */
  static open(given: string): LogFile {
    const fd = openSync(given, FLAGS, OWNER_ONLY)
    let release: (() => void) | undefined
    try {
      if (!fstatSync(fd).isFile()) throw new Error(`${given} is no file in which calls could be recorded`)
      const path = realpathSync(given)
      release = lockFile(path, { other_machines: 'count' })
      const file = new LogFile(path, fd, release)
      fchmodSync(fd, OWNER_ONLY)
      syncDirectory(dirname(path))
      return file
    } catch (error) {
      release?.()
      closeSync(fd)
      throw error
    }
  }

  /** Resolves when the bytes, which are whole lines, are on the disk. When it rejects, none of them count. */
  async append(bytes: Buffer): Promise<void> {
    if (this.#is_in_doubt) await this.#restore()
    await this.#requireUntouched()
    this.#is_in_doubt = true
    for (let done = 0; done < bytes.length; )
      done += (await writeSome(this.#fd, bytes, done).catch((error) => this.#giveUp(error))).bytesWritten
    await sync(this.#fd).catch((error) => this.#giveUp(error))
    this.#is_in_doubt = false
    this.#length += bytes.length
  }

  /**
   * Moves what a crash left of a line into a file beside this one. Undefined when there is nothing of the kind.
   */
  async putTornAside(): Promise<Torn | undefined> {
    const torn = this.#torn
    if (torn.length === 0) return undefined
    const digest = sha256(torn).toString('hex')
    const aside = `${this.#path}.torn-${digest.slice(0, 16)}`
    if (!this.#is_in_doubt) {
      const { size } = await stat(this.#fd)
      if (size !== this.#length + torn.length && size !== this.#length) throw touched()
      writeFileSync(aside, torn, { mode: OWNER_ONLY, flush: true })
      syncDirectory(dirname(aside))
      await this.#restore()
    }
    return { bytes: torn.length, sha256: digest, file: basename(aside) }
  }

  close(): void {
    closeSync(this.#fd)
    this.#release()
  }

  async #giveUp(error: Error): Promise<never> {
    // Where not even this works, the next append tries again before it writes.
    await this.#restore().catch(() => undefined)
    throw error
  }

  /** Back to the last line that counts. */
  async #restore(): Promise<void> {
    await truncate(this.#fd, this.#length)
    await sync(this.#fd)
    this.#is_in_doubt = false
  }

  async #requireUntouched(): Promise<void> {
    const { size, nlink } = await stat(this.#fd)
    if (nlink === 0) throw new Error('it was deleted; start this process again to begin a new one')
    if (size !== this.#length) throw touched()
  }
}

function touched(): Error {
  return new Error('something else wrote to it; `toolgate audit verify` says whether it is whole')
}

/** The rows before it were checked by whoever wrote behind them; all of them are by `toolgate audit verify`. */
function lastRow(path: string, line: string | undefined): AuditRow | undefined {
  if (line === undefined) return undefined
  const row = readRowLine(line)
  if (!row) throw notALog(path)
  if (!isIntact(row))
    throw new Error(
      `The last row of ${path} is not what was hashed, and nothing is written behind it. ` +
        '`toolgate audit verify` says more; move the file away to begin a new one.',
    )
  return row
}

function notALog(path: string): Error {
  return new Error(`${path} does not end with a row of a call log: name another file, or move it away`)
}

/** Zeros are what file systems show where a crash kept the length and lost the bytes. */
function beginsAsRow(torn: Buffer): boolean {
  const length = Math.min(torn.length, ROW_START.length)
  return torn.subarray(0, length).equals(ROW_START.subarray(0, length)) || torn.every((byte) => byte === 0)
}

/** So that a new file is still there after a crash. Not every system can do that. */
function syncDirectory(directory: string): void {
  try {
    const fd = openSync(directory, constants.O_RDONLY)
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  } catch {}
}
