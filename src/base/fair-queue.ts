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

/** `rank`: the lowest is next. */
type Waiting = Place & { rank: number; admit(leave: () => void): void; refuse(error: AppError): void }

/** How many who come later go before a piece, for each of its own lane that is there already. */
const BEHIND = 16

const FULL = 'Too many others are waiting for this now. Try again in a moment.'
const LANE_FULL = 'Too many requests from your network are waiting for this. Try again in a moment.'
const LATE = 'This took too long to begin. Try again in a moment.'
const GONE = 'The caller hung up.'

/**
 * Whoever comes with one piece goes before those who came with many, and is passed by a bounded number of others: the rank is the order
 * of coming, and a step back for each piece of the same lane.
 */
export class FairQueue {
  readonly #options: FairQueueOptions
  readonly #waiting: Waiting[] = []
  readonly #busy = new Set<string>()
  /** The lanes of those that run. */
  readonly #running: string[] = []
  #arrivals = 0

  constructor(options: FairQueueOptions) {
    this.#options = options
  }

  get waiting(): number {
    return this.#waiting.length
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
    return this.#running.length < this.#options.width && (key === undefined || !this.#busy.has(key))
  }

  #rank({ lane, first }: Place, waiting: number): number {
    const of_lane = waiting + this.#running.filter((each) => each === lane).length
    this.#arrivals += 1
    return this.#arrivals + BEHIND * of_lane - (first ? Number.MAX_SAFE_INTEGER : 0)
  }

  #begin({ lane, key }: Place): () => void {
    this.#running.push(lane)
    if (key !== undefined) this.#busy.add(key)
    let ended = false
    return () => {
      if (ended) return
      ended = true
      this.#running.splice(this.#running.indexOf(lane), 1)
      if (key !== undefined) this.#busy.delete(key)
      // At once, so that nobody can come between.
      const next = this.#next()
      next?.admit(this.#begin(next))
    }
  }

  #wait(place: Place): Promise<() => void> {
    const { lane_max, waiting_max, deadline_ms } = this.#options
    const lane_length = this.#waitingIn(place.lane).length
    if (lane_length >= lane_max) throw new AppError('throttled', LANE_FULL)
    if (this.waiting >= waiting_max && !this.#makeRoom(place, lane_length))
      throw new AppError('unavailable', FULL)
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => this.#turnAway(waiting, LATE), deadline_ms).unref()
      const hungUp = () => this.#turnAway(waiting, GONE)
      const settle = () => {
        clearTimeout(late)
        place.signal?.removeEventListener('abort', hungUp)
      }
      const waiting: Waiting = {
        ...place,
        rank: this.#rank(place, lane_length),
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
      this.#waiting.push(waiting)
    })
  }

  #waitingIn(lane: string): Waiting[] {
    return this.#waiting.filter((each) => each.lane === lane)
  }

  /**
   * Turns away who came last in the longest lane, where that is longer than the newcomer's own would be; for who is first, in any
   * lane of those who are not.
   */
  #makeRoom({ first = false }: Place, own_length: number): boolean {
    let longest: Waiting[] = []
    for (const lane of new Set(this.#waiting.map((each) => each.lane))) {
      const there = this.#waitingIn(lane)
      if (there.length > longest.length && !(first && there[0]?.first)) longest = there
    }
    const last = longest.at(-1)
    if (!last || (!first && longest.length <= own_length + 1)) return false
    this.#turnAway(last, FULL)
    return true
  }

  #turnAway(waiting: Waiting, why: string): void {
    if (this.#leave(waiting)) waiting.refuse(new AppError('unavailable', why))
  }

  /** False when it waits no more. */
  #leave(waiting: Waiting): boolean {
    const index = this.#waiting.indexOf(waiting)
    if (index >= 0) this.#waiting.splice(index, 1)
    return index >= 0
  }

  /** Whose turn it is, out of the line. */
  #next(): Waiting | undefined {
    let chosen: Waiting | undefined
    for (const each of this.#waiting)
      if (this.#isFree(each) && (!chosen || each.rank < chosen.rank)) chosen = each
    if (chosen) this.#leave(chosen)
    return chosen
  }
}
