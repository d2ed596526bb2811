import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { type AuditRow, type ChainHead, tupleOf } from '../../../audit-chain/hash-chain.ts'
import { readRowLine } from '../../../audit-chain/row-line.ts'
import { witnessOf } from '../../../audit-chain/witness.ts'
import { AppError } from '../../../base/errors.ts'
import type { ChainRun } from '../verification/chain-runs.ts'
import { ChainVerifier, FAULTS_KEPT, type FaultKind } from '../verification/chain-verifier.ts'
import { LineReader } from '../verification/line-reader.ts'

/**
 * Checks the file that a guard in mode `none` wrote: chains one after the other, each from its first row, and each but the
 * first naming the last row of the one before. It is read once, with memory that does not grow with its rows.
 */
export type LocalFault = {
  /** From 1. */
  line: number
  kind: FaultKind | 'no_row' | 'torn'
  message: string
  writer_id?: string
  seq?: number
  event_id?: string
}

export type LocalChain = ChainRun & {
  /** As its first row names it. */
  process: string
  began_at: Date
  ended_at: Date
  is_stopped: boolean
}

export type LocalVerification = {
  rows: number
  writers: number
  bytes: number
  /** Of the file, hex. */
  sha256: string
  /** The last row: whoever keeps it can see later that something was cut off. */
  head: { writer_id: string; seq: number; hash: string } | null
  /** In the order of the lines, the first 100. */
  faults: LocalFault[]
  fault_count: number
}

export type CheckedLocalLog = { verification: LocalVerification; chains: LocalChain[] }

export type LocalRow = { row: AuditRow; line: number }

export type ReadOptions = {
  /** Read no more than this of the file. */
  bytes?: number
  /** Is given the rows as they are read, whole or not. */
  on_rows?: (rows: LocalRow[]) => void | Promise<void>
  on_progress?: ((progress: { rows: number; share: number }) => void) | undefined
}

const CHUNK_BYTES = 256 * 1024

/** Reads the file to where it ends now. Throws `not_found` when there is none, and what reading it throws. */
export async function checkLocalLog(path: string, options: ReadOptions = {}): Promise<CheckedLocalLog> {
  const bytes = options.bytes ?? (await sizeOf(path))
  const check = new LocalCheck()
  const lines = new LineReader()
  const digest = createHash('sha256')
  let done = 0
  if (bytes > 0) {
    const chunks = createReadStream(path, { end: bytes - 1, highWaterMark: CHUNK_BYTES })
    for await (const chunk of chunks as AsyncIterable<Buffer>) {
      digest.update(chunk)
      done += chunk.length
      const rows = lines.feed(chunk).flatMap((line) => check.feed(line) ?? [])
      await options.on_rows?.(rows)
      options.on_progress?.({ rows: check.rows, share: done / bytes })
      if (lines.is_too_long) break
    }
  }
  return check.finish({ rest_bytes: lines.rest_bytes, bytes: done, sha256: digest.digest('hex') })
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new AppError('not_found', `There is no file ${path}`)
    throw error
  })
  if (!found.isFile()) throw new AppError('invalid_input', `${path} is not a file`)
  return found.size
}

class LocalCheck {
  readonly #verifier = new ChainVerifier()
  readonly #faults: LocalFault[] = []
  readonly #chains: LocalChain[] = []
  #fault_count = 0
  #line = 0

  get rows(): number {
    return this.#verifier.rows
  }

  feed(line: string): LocalRow | undefined {
    this.#line += 1
    const row = readRowLine(line)
    if (!row) {
      this.#report({ kind: 'no_row', message: 'this line is no row of a log' })
      return undefined
    }
    this.#checkRow(row)
    this.#checkPlace(row)
    return { row, line: this.#line }
  }

  finish(file: { rest_bytes: number; bytes: number; sha256: string }): CheckedLocalLog {
    const { rest_bytes, bytes, sha256 } = file
    this.#line += 1
    if (rest_bytes > 0) {
      const message = `the file ends within this line, after ${rest_bytes} bytes of it: by a crash, or because it is being written`
      this.#report({ kind: 'torn', message })
    }
    const last = this.#chains.at(-1)
    const head = last && { writer_id: last.writer_id, seq: last.last_seq, hash: last.hash.toString('hex') }
    const verification = {
      rows: this.#verifier.rows,
      writers: this.#verifier.writers,
      bytes,
      sha256,
      head: head ?? null,
      faults: this.#faults,
      fault_count: this.#fault_count,
    }
    return { verification, chains: this.#chains }
  }

  /** What the row says of itself and of the row before in its chain. */
  #checkRow(row: AuditRow): void {
    const known = this.#verifier.fault_count
    this.#verifier.feed(tupleOf(row))
    // Beyond the first 100 the verifier only counts.
    for (const { writer_id, seq, kind, message, event_id } of this.#verifier.faults.slice(known))
      this.#report({ writer_id, seq, kind, message, ...(event_id !== undefined && { event_id }) })
  }

  /** A chain begins where the one before ended, and is never gone on with. */
  #checkPlace(row: AuditRow): void {
    const { writer_id, seq, prev_hash, hash, occurred_at } = row
    const last = this.#chains.at(-1)
    const is_stopped = row.type === 'writer.stopped'
    if (last?.writer_id === writer_id) {
      if (last.is_stopped) this.#place(row, 'reordered', `row ${seq} comes after the end of its chain`)
      if (witnessOf(row)) this.#place(row, 'missing_predecessor', `row ${seq} names a row of another log`)
      Object.assign(last, { last_seq: seq, hash, ended_at: occurred_at, is_stopped })
      return
    }
    const before = last && { writer_id: last.writer_id, seq: last.last_seq, hash: last.hash }
    if (!namesExactly(row, before))
      this.#place(
        row,
        'missing_predecessor',
        'a chain begins here that does not name the row in the line before: lines are missing, or from elsewhere',
      )
    const run = { writer_id, first_seq: seq, prev_hash, last_seq: seq, hash }
    const process = String(row.detail?.process ?? 'unknown')
    this.#chains.push({ ...run, process, began_at: occurred_at, ended_at: occurred_at, is_stopped })
  }

  #place({ writer_id, seq, id }: AuditRow, kind: FaultKind, message: string): void {
    this.#report({ writer_id, seq, kind, message, event_id: id })
  }

  #report(fault: Omit<LocalFault, 'line'>): void {
    this.#fault_count += 1
    if (this.#faults.length < FAULTS_KEPT) this.#faults.push({ line: this.#line, ...fault })
  }
}

function namesExactly(row: AuditRow, before: ChainHead | undefined): boolean {
  const named = witnessOf(row)
  if (row.type !== 'writer.started' || !before) return row.type === 'writer.started' && !named
  const { writer_id, seq, hash } = before
  return named?.writer_id === writer_id && named.seq === seq && named.hash === hash.toString('hex')
}
