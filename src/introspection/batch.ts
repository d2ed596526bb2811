import type { Knex } from 'knex'
import type pg from 'pg'
import type { AuditLog } from '../audit/audit-log.ts'
import type { CatalogueCache } from '../catalogue/catalogue-store.ts'
import { AppError } from '../errors.ts'
import { AssertionProof } from './assertion-proof.ts'
import { type Decision, decide, type Question } from './decision.ts'
import { type LookupRow, lookupTokens } from './token-lookup.ts'

/**
 * The shared trip of everything that waits: one lookup, one audit commit, then the answers. A lone question goes
 * at once; while four trips are under way new questions gather for the next. Nothing about a token is kept.
 */
export type BatchDependencies = {
  issuer: string
  hot: pg.Pool
  db: Knex
  catalogues: CatalogueCache
  audit: AuditLog
}

type Waiting = { question: Question; resolve(decision: Decision): void; reject(error: unknown): void }

const TRIPS_MAX = Number(process.env.TRIPS ?? 3)
const PER_TRIP_MAX = 256
const WAITING_MAX = 4_000

export class IntrospectionBatch {
  #waiting: Waiting[] = []
  #trips = 0
  #scheduled = false
  readonly #dependencies: BatchDependencies
  readonly #proof: AssertionProof

  constructor(dependencies: BatchDependencies) {
    this.#dependencies = dependencies
    this.#proof = new AssertionProof(dependencies)
  }

  /** Resolves when the decision's audit event is committed. Throws `unavailable` when it cannot be, or the queue is full. */
  ask(question: Question): Promise<Decision> {
    if (this.#waiting.length >= WAITING_MAX)
      return Promise.reject(new AppError('unavailable', 'Too many introspection requests are waiting'))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject })
      this.#schedule()
    })
  }

  #schedule(): void {
    if (this.#scheduled || this.#trips >= TRIPS_MAX || this.#waiting.length === 0) return
    this.#scheduled = true
    // After the requests that this turn of the event loop still has to read.
    setImmediate(() => {
      this.#scheduled = false
      void this.#trip(this.#waiting.splice(0, PER_TRIP_MAX))
    })
  }

  async #trip(passengers: Waiting[]): Promise<void> {
    this.#trips += 1
    try {
      const decisions = await this.#decide(passengers.map(({ question }) => question))
      await this.#dependencies.audit.append(decisions.map(({ event }) => event))
      passengers.forEach(({ resolve, reject }, index) => {
        const decision = decisions[index]
        if (decision) resolve(decision)
        else reject(new Error('a question without a decision'))
      })
    } catch (error) {
      const cause =
        error instanceof AppError
          ? error
          : new AppError('unavailable', 'Introspection is not possible now', { cause: error })
      for (const { reject } of passengers) reject(cause)
    } finally {
      this.#trips -= 1
      this.#schedule()
    }
  }

  async #decide(questions: Question[]): Promise<Decision[]> {
    const { hot, db, catalogues, issuer } = this.#dependencies
    const keys = questions.map(({ credentials, token_id }) => ({
      resource_server_id: credentials.id,
      token_id,
    }))
    const rows = await lookupTokens(hot, keys)
    const version = rows[0]?.catalogue_version ?? 0
    const catalogue = version === 0 ? undefined : await catalogues.at(db, version)
    const settled = questions.some(isAsserted) ? await this.#settle(questions, rows) : questions
    return settled.map((question, index) => {
      const row = rows[index]
      if (!row) throw new Error('the lookup answered fewer rows than it was asked')
      return decide(issuer, catalogue, row, question)
    })
  }

  #settle(questions: Question[], rows: LookupRow[]): Promise<Question[]> {
    return Promise.all(
      questions.map(async (question, index) => {
        if (!isAsserted(question)) return question
        const stored = rows[index]?.resource_server?.credential_hash
        return { ...question, credentials: await this.#proof.settle(question.credentials, stored) }
      }),
    )
  }
}

function isAsserted({ credentials }: Question): boolean {
  return credentials.assertion !== undefined
}
