import type { Knex } from 'knex'
import type pg from 'pg'
import type { AuditEvent } from '../events/audit-event.ts'
import { AuditWriter, type AuditWriterOptions } from './audit-writer.ts'
import { RefusalCounter, type RefusalLimits } from './refusal-counter.ts'

/** Writing the audit log: events become rows of hash chains, in the transaction of what they record. */
export type AuditLogOptions = {
  /** How many chains are written side by side. */
  writers?: number
  /** Is told of each commit; closed with the log. */
  announcer?: AuditWriterOptions['announcer'] & { close(): Promise<void> }
  /** How much of what callers do who did not authenticate is recorded one by one; all of it where absent. */
  refusals?: RefusalLimits
}

/** Of a server. More wait less for the disk, and each gets smaller batches, which cost more. */
export const AUDIT_WRITERS = 3

/**
 * The audit log as a process writes it: by one writer, or by several, each with a chain of its own. While one waits
 * for the disk another goes on, and a transaction that is slow to commit holds up one chain only. No process ever
 * waits for another. A chain begins when its writer is first needed.
 */
export class AuditLog {
  readonly #writers: AuditWriter[]
  readonly #announcer: AuditLogOptions['announcer']
  readonly #refusals: RefusalCounter | undefined

  constructor(hot: pg.Pool, { writers = 1, announcer, refusals }: AuditLogOptions = {}) {
    const options = announcer ? { announcer } : {}
    this.#writers = Array.from({ length: writers }, () => new AuditWriter(hot, options))
    this.#announcer = announcer
    this.#refusals = refusals && new RefusalCounter((events) => this.#freest().append(events), refusals)
  }

  /** How many events this process has committed. */
  get written_events(): number {
    return this.#writers.reduce((sum, writer) => sum + writer.written_events, 0)
  }

  /**
   * Resolves when the events are committed; those of one call become neighbours, all or none. What waits for the same
   * writer shares one insert. Of callers who did not authenticate only the first few in a minute are recorded so; the others
   * are counted. Throws `unavailable` when they cannot be written or too many events wait.
   */
  append(events: AuditEvent | AuditEvent[]): Promise<void> {
    const list = Array.isArray(events) ? events : [events]
    return this.#freest().append(this.#refusals?.admit(list) ?? list)
  }

  /**
   * Inserts the events inside `trx`, then calls `commit`, which must do nothing but commit `trx`. Throws `unavailable`
   * when either fails; the caller then rolls back.
   */
  appendIn(trx: Knex.Transaction, events: AuditEvent[], commit: () => Promise<void>): Promise<void> {
    return this.#freest().appendIn(trx, events, commit)
  }

  /**
   * Inserts the events in the transaction that `connection` is in and commits it, in one round trip. Throws
   * `unavailable` when that fails; the caller then rolls back. There must be an event.
   */
  appendAndCommit(connection: pg.ClientBase, events: AuditEvent[]): Promise<void> {
    return this.#freest().appendAndCommit(connection, events)
  }

  /** Refuses new events and waits until those that wait are written or have failed. */
  async close(): Promise<void> {
    // Without the database the counts of this minute are lost.
    await this.#refusals?.flush().catch(() => undefined)
    await Promise.all(this.#writers.map((writer) => writer.close()))
    await this.#announcer?.close()
  }

  #freest(): AuditWriter {
    return this.#writers.reduce((freest, writer) => (writer.pending < freest.pending ? writer : freest))
  }
}
