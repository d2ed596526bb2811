/** Whether an answer that takes long may go on. */
export type Leave = {
  /** Asked again while the answer is under way; it ends when the answer is no. */
  mayGoOn: () => Promise<boolean>
  /** How often at most; 15 s when absent. */
  check_ms?: number | undefined
}

const CHECK_MS = 15_000

/** Begins with what was just found out. */
export class PeriodicCheck {
  readonly #leave: Leave
  #checked_ms = performance.now()

  constructor(leave: Leave) {
    this.#leave = leave
  }

  /** Asks when it is time to. */
  async passes(): Promise<boolean> {
    const { mayGoOn, check_ms = CHECK_MS } = this.#leave
    if (performance.now() - this.#checked_ms < check_ms) return true
    if (!(await mayGoOn())) return false
    this.#checked_ms = performance.now()
    return true
  }
}
