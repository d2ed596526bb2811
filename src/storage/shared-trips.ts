import { AppError } from '../base/errors.ts'

export type TripLimits = {
  /** Trips under way at once. */
  trips_max: number
  per_trip_max: number
  /** Beyond this, whoever asks is refused at once. */
  waiting_max: number
}

type Waiting<Question, Answer> = {
  question: Question
  resolve(answer: Answer): void
  reject(error: unknown): void
}

/**
 * One trip to the database for everything that waits. A lone question goes at once. While others are under way, the
 * next trip gathers half as many questions as those took, so that no slow trip holds up the rest and none goes nearly
 * empty.
 * `run` answers in the order of its questions; what it throws, all of them get.
 */
export class SharedTrips<Question, Answer> {
  readonly #run: (questions: Question[]) => Promise<Answer[]>
  readonly #limits: TripLimits
  #waiting: Waiting<Question, Answer>[] = []
  #trips = 0
  #under_way = 0
  #is_scheduled = false

  constructor(run: (questions: Question[]) => Promise<Answer[]>, limits: TripLimits) {
    this.#run = run
    this.#limits = limits
  }

  /** Throws `unavailable` when too many wait, and whatever the trip throws. */
  ask(question: Question): Promise<Answer> {
    if (this.#waiting.length >= this.#limits.waiting_max)
      return Promise.reject(new AppError('unavailable', 'Too many requests are waiting'))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#is_scheduled || !this.#isTime()) return
    this.#is_scheduled = true
    // After the requests that this turn of the event loop still has to read.
    setImmediate(() => {
      this.#is_scheduled = false
      void this.#trip(this.#waiting.splice(0, this.#limits.per_trip_max))
      this.#schedule()
    })
  }

  #isTime(): boolean {
    if (this.#waiting.length === 0 || this.#trips >= this.#limits.trips_max) return false
    return this.#waiting.length * 2 >= this.#under_way
  }

  async #trip(passengers: Waiting<Question, Answer>[]): Promise<void> {
    this.#trips += 1
    this.#under_way += passengers.length
    try {
      const answers = await this.#run(passengers.map(({ question }) => question))
      if (answers.length !== passengers.length) throw new Error('a trip answered other questions than asked')
      for (const [index, { resolve }] of passengers.entries()) resolve(answers[index] as Answer)
    } catch (error) {
      for (const { reject } of passengers) reject(error)
    } finally {
      this.#trips -= 1
      this.#under_way -= passengers.length
      this.#schedule()
    }
  }
}
