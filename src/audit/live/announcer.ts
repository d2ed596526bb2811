import type { Knex } from 'knex'
import type { AuditType } from '../events/audit-event.ts'
import { announceWriters } from './follow-store.ts'

/** However much is written: followers need not hear of it more often. */
const PAUSE_MS = 200

/**
 * Tells followers in all processes that a writer committed: at once after silence, then at most once in a pause. What
 * cannot wait, such as a revocation, is told at once all the same. The insert itself never notifies, because Postgres lets
 * only one transaction that does commit at a time.
 */
export class Announcer {
  readonly #db: Knex
  readonly #urgent: ReadonlySet<string>
  readonly #writers = new Set<string>()
  #pause: NodeJS.Timeout | undefined
  #sending: Promise<void> = Promise.resolve()

  /** @param urgent types of events that do not wait for the pause */
  constructor(db: Knex, urgent: readonly AuditType[] = []) {
    this.#db = db
    this.#urgent = new Set(urgent)
  }

  /** Costs nothing that a commit would notice. */
  committed(writer_id: string, events: readonly { type: string }[]): void {
    this.#writers.add(writer_id)
    if (this.#pause === undefined || events.some(({ type }) => this.#urgent.has(type))) this.#send()
  }

  /** Sends what waits. Committing afterwards announces nothing. */
  async close(): Promise<void> {
    clearTimeout(this.#pause)
    this.#send()
    clearTimeout(this.#pause)
    await this.#sending
  }

  #send(): void {
    const writers = [...this.#writers]
    this.#writers.clear()
    clearTimeout(this.#pause)
    this.#pause = undefined
    if (writers.length === 0) return
    this.#pause = setTimeout(() => this.#send(), PAUSE_MS).unref()
    // What is lost here, followers find when they look for themselves.
    this.#sending = announceWriters(this.#db, writers).catch(() => undefined)
  }
}
