import { AppError } from './errors.ts'

/**
 * A line for work that anybody may ask for: with a bound, a deadline and fairness. `width` pieces run at once, of one key
 * one. Whoever waits stands in a lane, such as a network; lanes are served in turn, so that a long one delays itself.
 */
export type FairQueueOptions = {
  width: number
  /** In all lanes together. */
  waiting_max: number
  lane_max: number
  /** How long anybody waits at most. */
  deadline_ms: number
}

export type Place = {
  lane: string
  /** Work of the same key runs one piece after the other. */
  key?: string | undefined
  /** Goes before all who are not first. */
  first?: boolean | undefined
  /** Whoever is gone is not worked for. */
  signal?: AbortSignal | undefined
}

type Waiting = Place & { admit(leave: () => void): void; refuse(error: AppError): void }

const FULL = 'Too many others are waiting for this now. Try again in a moment.'
const LANE_FULL = 'Too many requests from your network are waiting for this. Try again in a moment.'
const LATE = 'This took too long to begin. Try again in a moment.'
const GONE = 'The caller hung up.'

export class FairQueue {
  readonly #options: FairQueueOptions
  /** In the order in which lanes are served. */
  readonly #lanes = new Map<string, Waiting[]>()
  readonly #busy = new Set<string>()
  #running = 0
  #waiting = 0

  constructor(options: FairQueueOptions) {
    this.#options = options
  }

  get waiting(): number {
    return this.#waiting
  }

  /** What `work` answers. Throws as `enter` does, and what the work throws. */
  async take<T>(place: Place, work: () => Promise<T>): Promise<T> {
    const leave = await this.enter(place)
    try {
      return await work()
    } finally {
      leave()
    }
  }

  /**
   * Waits for a turn, which lasts until the function that it answers is called. Throws `throttled` when the lane is full,
   * `unavailable` when all are, when the deadline passes, or when the caller is gone.
   */
  async enter(place: Place): Promise<() => void> {
    if (place.signal?.aborted) throw new AppError('unavailable', GONE)
    return this.#isFree(place) ? this.#begin(place) : this.#wait(place)
  }

  #isFree({ key }: Place): boolean {
    return this.#running < this.#options.width && (key === undefined || !this.#busy.has(key))
  }

  #begin({ key }: Place): () => void {
    this.#running += 1
    if (key !== undefined) this.#busy.add(key)
    let ended = false
    return () => {
      if (ended) return
      ended = true
      this.#running -= 1
      if (key !== undefined) this.#busy.delete(key)
      // At once, so that nobody can come between.
      const next = this.#next()
      next?.admit(this.#begin(next))
    }
  }

  #wait(place: Place): Promise<() => void> {
    const { lane_max, waiting_max, deadline_ms } = this.#options
    const lane = this.#lanes.get(place.lane) ?? []
    if (lane.length >= lane_max) throw new AppError('throttled', LANE_FULL)
    if (this.#waiting >= waiting_max && !this.#makeRoom(lane.length)) throw new AppError('unavailable', FULL)
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => this.#turnAway(waiting, LATE), deadline_ms).unref()
      const hungUp = () => this.#turnAway(waiting, GONE)
      const settle = () => {
        clearTimeout(late)
        place.signal?.removeEventListener('abort', hungUp)
      }
      const waiting: Waiting = {
        ...place,
        admit: (leave) => {
          settle()
          resolve(leave)
        },
        refuse: (error) => {
          settle()
          reject(error)
        },
      }
      place.signal?.addEventListener('abort', hungUp)
      this.#lanes.set(place.lane, [...lane, waiting])
      this.#waiting += 1
    })
  }

  /** Takes who came last out of the longest lane, where that is longer than the newcomer's own would be. */
  #makeRoom(own_length: number): boolean {
    let longest: Waiting[] = []
    for (const lane of this.#lanes.values()) if (lane.length > longest.length) longest = lane
    const last = longest.at(-1)
    if (!last || longest.length <= own_length + 1) return false
    this.#turnAway(last, FULL)
    return true
  }

  #turnAway(waiting: Waiting, why: string): void {
    if (this.#leave(waiting)) waiting.refuse(new AppError('unavailable', why))
  }

  /** False when it waits no more. */
  #leave(waiting: Waiting): boolean {
    const lane = this.#lanes.get(waiting.lane) ?? []
    const rest = lane.filter((each) => each !== waiting)
    if (rest.length === lane.length) return false
    if (rest.length === 0) this.#lanes.delete(waiting.lane)
    else this.#lanes.set(waiting.lane, rest)
    this.#waiting -= 1
    return true
  }

  /** Whose turn it is, out of the line; its lane goes behind the others. */
  #next(): Waiting | undefined {
    const ready = [...this.#lanes.values()].flatMap((lane) => lane.find((each) => this.#isFree(each)) ?? [])
    const chosen = ready.find(({ first }) => first) ?? ready[0]
    if (!chosen) return undefined
    this.#leave(chosen)
    const rest = this.#lanes.get(chosen.lane)
    if (rest) {
      this.#lanes.delete(chosen.lane)
      this.#lanes.set(chosen.lane, rest)
    }
    return chosen
  }
}
