/** The chains that a process writes: what waits becomes rows behind the last one, and is committed together. */
import { randomUUID } from 'node:crypto'
import type { Knex } from 'knex'
import type pg from 'pg'
import { type AuditFields, normaliseEvent } from '../../audit-chain/event-fields.ts'
import { type ChainHead, extendChain, GENESIS } from '../../audit-chain/hash-chain.ts'
import { AppError } from '../../base/errors.ts'
import type { AuditEvent } from '../events/audit-event.ts'
import { insertRows, insertRowsAndCommit, WriterSession } from './writer-store.ts'

export type AuditWriterOptions = {
  /** Plain events that may wait for their commit; of transactions there are only as many as connections. */
  max_queue?: number
  /** Is told of each commit. */
  announcer?: { committed(writer_id: string, events: readonly AuditFields[]): void }
}

type Waiting = {
  events: AuditFields[]
  /** Set when they belong into the caller's transaction: inserts there, and commits it unless `commit` does. */
  within?: Within
  resolve(): void
  reject(error: AppError): void
}

type Within = { insert: (tuples: Buffer) => Promise<number>; commit?: () => Promise<void> }

const QUEUE_MAX = 10_000
const ROWS_PER_INSERT_MAX = 512

/**
 * One chain of audit_events. Its inserts follow one another, because each row's hash needs the row before.
 *
 * When it is unknown whether a commit happened, nobody can know the head of the chain: the writer ends and a new
 * one begins, whose first event names the last row known to be committed.
 */
export class AuditWriter {
  readonly #hot: pg.Pool
  readonly #max_queue: number
  readonly #announcer: AuditWriterOptions['announcer']
  #head: ChainHead = newChain()
  #session: WriterSession | undefined
  #predecessor: ChainHead | undefined
  #queue: Waiting[] = []
  #queued_events = 0
  #writing_events = 0
  #running: Promise<void> | undefined
  #closed = false
  #written_events = 0

  constructor(hot: pg.Pool, options: AuditWriterOptions = {}) {
    this.#hot = hot
    this.#max_queue = options.max_queue ?? QUEUE_MAX
    this.#announcer = options.announcer
  }

  /** The writer's last committed row; `seq` 0 before its first. */
  get head(): Readonly<ChainHead> {
    return this.#head
  }

  /** Events that wait or are being written. */
  get pending(): number {
    return this.#queued_events + this.#writing_events
  }

  /** How many events this writer has committed. */
  get written_events(): number {
    return this.#written_events
  }

  /**
   * Resolves when the events are committed; those of one call become neighbours, all or none. Everything that
   * waits shares one insert. Throws `unavailable` when they cannot be written or too many events wait.
   */
  append(events: AuditEvent | AuditEvent[]): Promise<void> {
    const list = Array.isArray(events) ? events : [events]
    return list.length === 0 ? Promise.resolve() : this.#enqueue(list)
  }

  /**
   * Inserts the events inside `trx`, then calls `commit`, which must do nothing but commit `trx`, all while no
   * other insert of this writer runs. Throws `unavailable` when either fails; the caller then rolls back.
   */
  appendIn(trx: Knex.Transaction, events: AuditEvent[], commit: () => Promise<void>): Promise<void> {
    if (events.length === 0) return commit()
    return this.#enqueue(events, { insert: (tuples) => insertIn(trx, tuples), commit })
  }

  /** The same for the transaction that `connection` is in, in one round trip. There must be an event. */
  appendAndCommit(connection: pg.ClientBase, events: AuditEvent[]): Promise<void> {
    if (events.length === 0) throw new RangeError('a commit without an event')
    return this.#enqueue(events, {
      insert: (tuples) => insertRowsAndCommit(connection, tuples),
    })
  }

  /**
   * Refuses new events, waits until those that wait are written or have failed, and ends the chain. Where the
   * database does not take that, the next writer closes the chain.
   */
  async close(): Promise<void> {
    this.#closed = true
    await this.#running
    const session = this.#session
    this.#session = undefined
    if (session && !session.is_lost) await session.stop(this.#head).catch(() => undefined)
  }

  #enqueue(events: AuditEvent[], within?: Waiting['within']): Promise<void> {
    if (this.#closed) return Promise.reject(unwritable('it is closed'))
    if (!within && this.#queued_events + events.length > this.#max_queue)
      return Promise.reject(unwritable('too many events wait'))
    this.#queued_events += events.length
    const fields = events.map(normaliseEvent)
    return new Promise((resolve, reject) => {
      this.#queue.push({ events: fields, resolve, reject, ...(within && { within }) })
      this.#running ??= this.#run()
    })
  }

  async #run(): Promise<void> {
    // One turn later, so that what is appended in the same tick shares the first insert.
    await undefined
    while (this.#queue.length > 0) {
      const group = this.#takeGroup()
      try {
        await this.#write(
          group.flatMap(({ events }) => events),
          group[0]?.within,
        )
        for (const { resolve } of group) resolve()
      } catch (error) {
        const failure = error instanceof AppError ? error : unwritable('the database did not take it', error)
        for (const { reject } of group) reject(failure)
      }
      this.#writing_events = 0
    }
    this.#running = undefined
  }

  /** What shares the next insert: the transaction at the front, else all plain events before the next transaction. */
  #takeGroup(): Waiting[] {
    let count = 0
    let events = 0
    for (const waiting of this.#queue) {
      const fits = count === 0 || (!waiting.within && events + waiting.events.length <= ROWS_PER_INSERT_MAX)
      if (!fits) break
      count += 1
      events += waiting.events.length
      if (waiting.within) break
    }
    this.#queued_events -= events
    this.#writing_events = events
    return this.#queue.splice(0, count)
  }

  async #write(events: AuditFields[], within: Waiting['within']): Promise<void> {
    const session = await this.#openSession()
    const { tuples, head } = extendChain(this.#head, events, new Date())
    try {
      const inserted = await (within ? within.insert(tuples) : session.insert(tuples))
      if (inserted !== events.length)
        throw new Error(`${inserted} of ${events.length} audit rows were inserted`)
      await within?.commit?.()
    } catch (error) {
      if (!isRolledBack(error)) this.#leaveChain()
      throw error
    }
    this.#head = head
    this.#announcer?.committed(head.writer_id, events)
    this.#written_events += events.length
  }

  /** The session of this chain; of a new one, where none has begun or the session is lost. */
  async #openSession(): Promise<WriterSession> {
    if (this.#session && !this.#session.is_lost) return this.#session
    if (this.#session) this.#leaveChain()
    try {
      const started = await WriterSession.start(this.#hot, this.#head.writer_id, this.#predecessor)
      this.#session = started.session
      this.#head = started.head
      return started.session
    } catch (error) {
      this.#leaveChain()
      throw error
    }
  }

  #leaveChain(): void {
    this.#session?.end()
    this.#session = undefined
    if (this.#head.seq > 0) this.#predecessor = this.#head
    this.#head = newChain()
  }
}

function newChain(): ChainHead {
  return { writer_id: randomUUID(), seq: 0, hash: GENESIS }
}

function unwritable(reason: string, cause?: unknown): AppError {
  return new AppError('unavailable', `The audit log cannot be written: ${reason}`, { cause })
}

/** Data exception, constraint, syntax or access rule, aborted transaction, serialization, deadlock. */
const ROLLED_BACK_SQLSTATE = /^((22|23|42)[0-9A-Z]{3}|25P02|40001|40P01)$/

/** Whether Postgres itself said that nothing was kept. Silence, a lost connection and a timeout say nothing. */
function isRolledBack(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && ROLLED_BACK_SQLSTATE.test(code)
}

/** Through the connection that the transaction holds, which knex gives to whoever asks its client. */
async function insertIn(trx: Knex.Transaction, tuples: Buffer): Promise<number> {
  const connection: pg.ClientBase = await trx.client.acquireConnection()
  return insertRows(connection, tuples)
}
