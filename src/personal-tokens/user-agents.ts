import type { Knex } from 'knex'
import { writeUsers } from './personal-token-store.ts'

const WAITING_MAX = 10_000
const USER_AGENT_MAX = 256
/** What Postgres refuses, and what could steer a terminal or a page. */
const UNFIT = /[^\x20-\x7e]/g

/** A User-Agent fit to be kept and shown: printable ASCII within a limit; undefined when nothing is left. */
export function plainUserAgent(sent: string | undefined): string | undefined {
  return sent?.slice(0, USER_AGENT_MAX).replace(UNFIT, '').trim() || undefined
}

/**
 * Remembers which program uses a personal access token, off the path of the calls: kept in memory and written every few
 * seconds. What does not fit or cannot be written is lost; the next call tells it again.
 */
export class UserAgents {
  readonly #db: Knex
  #waiting = new Map<string, string>()

  constructor(db: Knex) {
    this.#db = db
  }

  note(grant_id: string, user_agent: string): void {
    if (this.#waiting.size < WAITING_MAX || this.#waiting.has(grant_id))
      this.#waiting.set(grant_id, user_agent)
  }

  /** Writes what was noted since the last time. Throws what the database throws. */
  async flush(): Promise<void> {
    if (this.#waiting.size === 0) return
    const users = this.#waiting
    this.#waiting = new Map()
    await writeUsers(this.#db, users)
  }
}
