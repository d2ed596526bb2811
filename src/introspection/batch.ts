import type { Knex } from 'knex'
import type pg from 'pg'
import { AUDIT_WRITERS, type AuditLog } from '../audit/audit-log.ts'
import type { CatalogueCache } from '../catalogue/catalogue-store.ts'
import { AppError } from '../errors.ts'
import type { UsageRecorder } from '../grants/usage.ts'
import { SharedTrips } from '../storage/shared-trips.ts'
import { AssertionProof } from './assertion-proof.ts'
import { type Decision, decide, type Question } from './decision.ts'
import { type LookupRow, lookupTokens } from './token-lookup.ts'
import { useOf } from './use.ts'

/**
 * The shared trip of everything that waits: one lookup, one audit commit, then the answers. A lone question goes
 * at once; how many trips there may be is for whoever builds it, one for each writer of the audit log. Nothing about a
 * token is kept.
 */
export type BatchDependencies = {
  issuer: string
  hot: pg.Pool
  db: Knex
  catalogues: CatalogueCache
  audit: AuditLog
  /** Is told what was decided, once that is committed. */
  usage?: Pick<UsageRecorder, 'record'>
}

const LIMITS = { trips_max: AUDIT_WRITERS, per_trip_max: 256, waiting_max: 4_000 }

export class IntrospectionBatch {
  readonly #dependencies: BatchDependencies
  readonly #proof: AssertionProof
  readonly #trips = new SharedTrips<Question, Decision>((questions) => this.#trip(questions), LIMITS)

  constructor(dependencies: BatchDependencies) {
    this.#dependencies = dependencies
    this.#proof = new AssertionProof(dependencies)
  }

  /** Resolves when the decision's audit event is committed. Throws `unavailable` when it cannot be, or the queue is full. */
  ask(question: Question): Promise<Decision> {
    return this.#trips.ask(question)
  }

  async #trip(questions: Question[]): Promise<Decision[]> {
    try {
      const decisions = await this.#decide(questions)
      await this.#dependencies.audit.append(decisions.map(({ event }) => event))
      this.#count(decisions)
      return decisions
    } catch (error) {
      if (error instanceof AppError) throw error
      throw new AppError('unavailable', 'Introspection is not possible now', { cause: error })
    }
  }

  #count(decisions: readonly Decision[]): void {
    const { usage } = this.#dependencies
    if (!usage) return
    const now_ms = Date.now()
    for (const { event } of decisions) {
      const use = useOf(event)
      if (use) usage.record(use, now_ms)
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
