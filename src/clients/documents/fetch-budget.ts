/** How much fetching strangers may cause: per host and in all, per minute, and at one time. Of one process. */
const PER_HOST = 12
const IN_ALL = 120
const AT_ONCE = 8
const WINDOW_MS = 60_000

export class FetchBudget {
  #window_started_ms = 0
  #total = 0
  #under_way = 0
  readonly #by_host = new Map<string, number>()

  /** Runs `fetch` when one more from `host` is allowed now; else undefined. `now_ms` never goes backwards. */
  async spend<T>(
    host: string,
    fetch: () => Promise<T>,
    now_ms: number = performance.now(),
  ): Promise<T | undefined> {
    if (!this.#take(host, now_ms)) return undefined
    try {
      return await fetch()
    } finally {
      this.#under_way -= 1
    }
  }

  #take(host: string, now_ms: number): boolean {
    if (now_ms - this.#window_started_ms >= WINDOW_MS) this.#reset(now_ms)
    const of_host = this.#by_host.get(host) ?? 0
    if (of_host >= PER_HOST || this.#total >= IN_ALL || this.#under_way >= AT_ONCE) return false
    this.#by_host.set(host, of_host + 1)
    this.#total += 1
    this.#under_way += 1
    return true
  }

  #reset(now_ms: number): void {
    this.#window_started_ms = now_ms
    this.#total = 0
    this.#by_host.clear()
  }
}
