import type { Knex } from 'knex'
import type pg from 'pg'
import { AUDIT_WRITERS, type AuditLog } from '../../audit/log/audit-log.ts'
import { AppError } from '../../base/errors.ts'
import type { CatalogueCache } from '../../catalogue/catalogue-store.ts'
import { PERSONAL_CLIENT_ID } from '../../personal-tokens/personal-access-token.ts'
import type { UserAgents } from '../../personal-tokens/user-agents.ts'
import { SharedTrips } from '../../storage/shared-trips.ts'
import type { UsageRecorder } from '../../usage/usage.ts'
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
  /** Hears with what personal access tokens are used. */
  user_agents?: UserAgents | undefined
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

  /**
   * What the decision would be now, recorded nowhere: for an answer that goes on for long and whose beginning was
   * decided and recorded. Throws `unavailable` as `ask` does.
   */
  async review(question: Question): Promise<Decision> {
    try {
      const [decision] = await this.#decide([question])
      if (!decision) throw new Error('one question had no decision')
      return decision
    } catch (error) {
      if (error instanceof AppError) throw error
      throw new AppError('unavailable', 'Introspection is not possible now', { cause: error })
    }
  }

  async #trip(questions: Question[]): Promise<Decision[]> {
    try {
      const decisions = await this.#decide(questions)
      await this.#dependencies.audit.append(decisions.map(({ event }) => event))
      this.#count(decisions)
      if (questions.some(({ user_agent }) => user_agent !== undefined)) this.#noteUsers(questions, decisions)
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
    const history =
      version === 0 ? undefined : await catalogues.history(db, version, otherVersions(rows, version))
    const settled = questions.some(isAsserted) ? await this.#settle(questions, rows) : questions
    return settled.map((question, index) => {
      const row = rows[index]
      if (!row) throw new Error('the lookup answered fewer rows than it was asked')
      return decide(issuer, history, row, question)
    })
  }

  #noteUsers(questions: Question[], decisions: Decision[]): void {
    for (const [index, { body, event }] of decisions.entries()) {
      const user_agent = questions[index]?.user_agent
      const { client_id, grant_id } = event
      if (user_agent && grant_id && body.active === true && client_id === PERSONAL_CLIENT_ID)
        this.#dependencies.user_agents?.note(grant_id, user_agent)
    }
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

/** Of the catalogues that people consented under, those that are not in force any more. */
function otherVersions(rows: readonly LookupRow[], in_force: number): number[] {
  const others: number[] = []
  for (const { token } of rows)
    if (token) for (const version of token.scope_versions) if (version !== in_force) others.push(version)
  return others
}

function isAsserted({ credentials }: Question): boolean {
  return credentials.assertion !== undefined
}
