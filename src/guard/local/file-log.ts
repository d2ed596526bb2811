import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { type AuditFields, type EventWords, normaliseEvent } from '../../audit-chain/event-fields.ts'
import { type ChainHead, chainRows, GENESIS } from '../../audit-chain/hash-chain.ts'
import { rowLine } from '../../audit-chain/row-line.ts'
import { writerStarted, writerStopped } from '../../audit-chain/witness.ts'
import type { CallLog } from './local-policy.ts'
import { LogFile } from './log-file.ts'

export type FileLogOptions = {
  /** Names this program in the log, with its process and machine; `mcp-server` when absent. */
  name?: string
  /** Events that may wait for the disk; more are refused. 10,000 when absent. */
  max_queue?: number
}

type Waiting = { events: AuditFields[]; resolve(): void; reject(error: Error): void }

const QUEUE_MAX = 10_000

/**
 * Keeps calls in a file of JSON Lines, each a row of the audit log's hash chain, so that `toolgate audit verify` checks it
 * and `toolgate audit import` takes it over. A process is a writer with a chain of its own, which names the last row
 * before it. The file is opened, mode 0600, when the guard is made in mode `none`, or with the first event; that throws
 * where another process writes to it, or where it ends with something that is no row.
 */
export function fileLog(path: string, options: FileLogOptions = {}): CallLog {
  return new FileLog(path, options)
}

class FileLog implements CallLog {
  readonly #path: string
  readonly #name: string
  readonly #max_queue: number
  #head: ChainHead = { writer_id: randomUUID(), seq: 0, hash: GENESIS }
  #file: LogFile | undefined
  #queue: Waiting[] = []
  #queued_events = 0
  #running: Promise<void> | undefined
  #closed = false

  constructor(path: string, { name = 'mcp-server', max_queue = QUEUE_MAX }: FileLogOptions) {
    this.#path = path
    this.#name = name
    this.#max_queue = max_queue
  }

  open(): void {
    if (this.#closed) throw new Error(`The call log ${this.#path} is closed`)
    this.#file ??= LogFile.open(this.#path)
  }

  /** Resolves when the events are on the disk. What waits shares one write and one sync. Rejects when they are not kept. */
  async append(events: readonly EventWords[]): Promise<void> {
    this.open()
    if (events.length === 0) return
    if (this.#queued_events + events.length > this.#max_queue)
      throw new Error(`Too many events wait for the call log ${this.#path}`)
    this.#queued_events += events.length
    const fields = events.map(normaliseEvent)
    await new Promise<void>((resolve, reject) => {
      this.#queue.push({ events: fields, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Writes what waits, ends the chain and leaves the file to others. Where the end cannot be written, it is missing. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
    const file = this.#file
    this.#file = undefined
    if (!file) return
    if (this.#head.seq > 0) await this.#write(file, [writerStopped()]).catch(() => undefined)
    file.close()
  }

  async #run(): Promise<void> {
    // One turn later, so that what is appended in the same tick shares the first write.
    await undefined
    while (this.#queue.length > 0) {
      const group = this.#queue.splice(0)
      const events = group.flatMap((waiting) => waiting.events)
      try {
        if (!this.#file) throw new Error(`The call log ${this.#path} is closed`)
        await this.#write(this.#file, events)
        for (const { resolve } of group) resolve()
      } catch (error) {
        const failure = new Error(`The call log ${this.#path} cannot be written: ${reasonOf(error)}`)
        for (const { reject } of group) reject(failure)
      }
      this.#queued_events -= events.length
    }
    this.#running = undefined
  }

  /** The first row of the chain goes with the first event, so that whoever only starts leaves nothing. */
  async #write(file: LogFile, events: AuditFields[]): Promise<void> {
    const before = this.#head
    const begin = before.seq === 0 ? [await this.#started(file)] : []
    const { rows, head } = chainRows(before, [...begin, ...events], new Date())
    await file.append(Buffer.from(rows.map((row) => `${rowLine(row)}\n`).join('')))
    this.#head = head
  }

  async #started(file: LogFile): Promise<AuditFields> {
    const torn = await file.putTornAside()
    const found = torn && { torn_bytes: torn.bytes, torn_sha256: torn.sha256, torn_file: torn.file }
    return writerStarted(`${this.#name} ${process.pid}@${hostname()}`, file.last_row, found)
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
