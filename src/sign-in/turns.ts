/**
 * Work that waits for its turn: of one key one piece at a time, of all keys `width`. Who comes while `waiting_max`
 * pieces of the same key are there already is turned away.
 */
export class Turns {
  readonly #waiting_max: number
  readonly #queues = new Map<string, (() => void)[]>()
  readonly #idle: (() => void)[] = []
  #free: number

  constructor(options: { width: number; waiting_max: number }) {
    this.#free = options.width
    this.#waiting_max = options.waiting_max
  }

  /** What `work` answers, or undefined when it was turned away and never ran. Throws what it throws. */
  async take<T>(key: string, work: () => Promise<T>): Promise<T | undefined> {
    const queue = this.#queues.get(key)
    if (queue && queue.length >= this.#waiting_max) return undefined
    if (queue) await new Promise<void>((resume) => queue.push(resume))
    else this.#queues.set(key, [])
    try {
      return await this.#withinWidth(work)
    } finally {
      const next = this.#queues.get(key)?.shift()
      if (next) next()
      else this.#queues.delete(key)
    }
  }

  async #withinWidth<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resume) => this.#idle.push(resume))
    try {
      return await work()
    } finally {
      // Whoever waits takes this place over, so that nobody can come between.
      const next = this.#idle.shift()
      if (next) next()
      else this.#free += 1
    }
  }
}
