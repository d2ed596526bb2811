/** How much fetching strangers may cause: per host and in all, per minute, and at one time. */
const PER_HOST = 12
const IN_ALL = 120
const AT_ONCE = 8
const WINDOW_MS = 60_000
const HOSTS_MAX = 10_000

export class FetchBudget {
  #window_started_ms = 0
  #total = 0
  #under_way = 0
  readonly #by_host = new Map<string, number>()

  /** True, and counted, when one more fetch from `host` is allowed now. Call `done` after it. */
  take(host: string, now_ms: number = Date.now()): boolean {
    if (now_ms - this.#window_started_ms >= WINDOW_MS) this.#reset(now_ms)
    const of_host = this.#by_host.get(host) ?? 0
    const full = this.#by_host.size >= HOSTS_MAX && of_host === 0
    if (full || of_host >= PER_HOST || this.#total >= IN_ALL || this.#under_way >= AT_ONCE) return false
    this.#by_host.set(host, of_host + 1)
    this.#total += 1
    this.#under_way += 1
    return true
  }

  done(): void {
    this.#under_way -= 1
  }

  #reset(now_ms: number): void {
    this.#window_started_ms = now_ms
    this.#total = 0
    this.#by_host.clear()
  }
}
