/** How often something may happen in a minute: by one caller, and by all together. Of one process. */
const WINDOW_MS = 60_000

export class Rate {
  readonly #of_one: number
  readonly #of_all: number
  readonly #taken = new Map<string, number>()
  #total = 0
  #window_started_ms = 0

  constructor({ of_one, of_all }: { of_one: number; of_all: number }) {
    this.#of_one = of_one
    this.#of_all = of_all
  }

  /** Takes one where one is left, keeping `reserve` of all for others. `now_ms` never goes backwards. */
  take(who: string, { reserve = 0, now_ms = performance.now() } = {}): boolean {
    if (now_ms - this.#window_started_ms >= WINDOW_MS) {
      this.#window_started_ms = now_ms
      this.#total = 0
      this.#taken.clear()
    }
    const taken = this.#taken.get(who) ?? 0
    if (taken >= this.#of_one || this.#total >= this.#of_all - reserve) return false
    this.#taken.set(who, taken + 1)
    this.#total += 1
    return true
  }
}
