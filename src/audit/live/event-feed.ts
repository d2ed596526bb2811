/** The live log: who follows it hears of what is committed, wherever it was. */
import type { Knex } from 'knex'
import type { AuditRow } from '../../audit-chain/hash-chain.ts'
import { UUID } from '../../audit-chain/row-bytes.ts'
import { type Listener, listen } from '../../storage/listen.ts'
import type { AuditFilter } from '../query/audit-filter.ts'
import { CHANNEL, type FollowPosition, followEvents } from './follow-store.ts'

export type FeedPage = {
  events: AuditRow[]
  start: FollowPosition
  position: FollowPosition
  /** All writers were looked at, to their ends: with this page everything is told that was committed before it. */
  is_current: boolean
}

type Follower = { heard: Set<string>; must_look: boolean; wake: () => void }

/** How often followers look for themselves, in case that nobody told them. */
const LOOK_MS = 5_000

/**
 * New events for whoever follows the log in this process. One connection listens for all of them, while there are
 * any. A follower asks for the next page when it has dealt with the last, so a slow one costs no memory.
 */
export class EventFeed {
  readonly #db: Knex
  readonly #followers = new Set<Follower>()
  #listener: Listener | undefined
  #closed = false

  constructor(db: Knex) {
    this.#db = db
  }

  get followers(): number {
    return this.#followers.size
  }

  /**
   * Pages of what is committed after `position`, as soon as it is, until `signal` or `close` ends it. Pages may be
   * empty, at least one in 5 s, so that whoever follows can show that it lives. Throws what the database throws.
   */
  async *follow(
    filter: AuditFilter,
    position: FollowPosition,
    signal: AbortSignal,
  ): AsyncGenerator<FeedPage> {
    const follower: Follower = { heard: new Set(), must_look: false, wake: () => {} }
    const wake = () => follower.wake()
    this.#enter(follower)
    signal.addEventListener('abort', wake)
    try {
      let start = position
      let only: string[] | undefined
      let looked_ms = performance.now()
      while (!this.#closed && !signal.aborted) {
        if (only === undefined) looked_ms = performance.now()
        const page = await followEvents(this.#db, filter, start, only)
        const is_current = only === undefined && page.whole
        yield { events: page.events, start, position: page.position, is_current }
        start = page.position
        if (page.whole) only = await this.#news(follower, signal, looked_ms + LOOK_MS)
      }
    } finally {
      signal.removeEventListener('abort', wake)
      this.#leave(follower)
    }
  }

  /** Ends every follower. */
  async close(): Promise<void> {
    this.#closed = true
    for (const follower of this.#followers) follower.wake()
    await this.#listener?.close()
    this.#listener = undefined
  }

  #enter(follower: Follower): void {
    this.#followers.add(follower)
    this.#listener ??= listen(this.#db, CHANNEL, (writer_id) => this.#hear(writer_id))
  }

  #leave(follower: Follower): void {
    this.#followers.delete(follower)
    if (this.#followers.size > 0) return
    void this.#listener?.close()
    this.#listener = undefined
  }

  /** An empty payload: the connection is new, and nobody knows what was said before. */
  #hear(writer_id: string): void {
    for (const follower of this.#followers) {
      if (UUID.test(writer_id)) follower.heard.add(writer_id)
      else follower.must_look = true
      follower.wake()
    }
  }

  /** Waits until somebody wrote and names them; undefined when it is time to look at all, at `look_at_ms` or before. */
  async #news(follower: Follower, signal: AbortSignal, look_at_ms: number): Promise<string[] | undefined> {
    const waits = () => follower.heard.size === 0 && !follower.must_look && !this.#closed && !signal.aborted
    const left_ms = look_at_ms - performance.now()
    if (waits() && left_ms > 0) await wakeOf(follower, left_ms)
    const heard = [...follower.heard]
    const must_look = follower.must_look || heard.length === 0 || performance.now() >= look_at_ms
    follower.heard.clear()
    follower.must_look = false
    return must_look ? undefined : heard
  }
}

function wakeOf(follower: Follower, timeout_ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeout_ms)
    follower.wake = () => {
      clearTimeout(timer)
      resolve()
    }
  })
}
