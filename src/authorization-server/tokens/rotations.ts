import { setTimeout as pause } from 'node:timers/promises'
import type { Knex } from 'knex'
import type { AuditEvent } from '../../audit/events/audit-event.ts'
import type { AuditLog } from '../../audit/log/audit-log.ts'
import type { RecordingContext } from '../../audit/log/recorded.ts'
import { AppError } from '../../base/errors.ts'
import {
  type PreparedRotation,
  type RefreshState,
  readRefreshStates,
  rotateRefreshTokens,
} from '../../grants/rotation-store.ts'
import type { FoundRefreshToken } from '../../grants/token-store.ts'
import { SharedTrips } from '../../storage/shared-trips.ts'
import { inShortTransaction } from '../../storage/short-transaction.ts'

/**
 * The trips of all refreshes: one reads what they are decided by, one writes and records what was decided. Between
 * the two nothing is held. Whether the family is as it was read, the write finds out; if not, somebody was faster.
 */
export type RotationOutcome =
  | { outcome: 'rotated' }
  /** Somebody else spent it since it was read. */
  | ({ outcome: 'spent' } & Spent)
  /** Its grant was revoked. */
  | { outcome: 'gone' }

export type Spent = Pick<FoundRefreshToken, 'sealed_response' | 'consumed_seconds_ago'>

type Write = { rotation: PreparedRotation; events: AuditEvent[] }

const LIMITS = { trips_max: 2, per_trip_max: 64, waiting_max: 2_000 }

/** How long to leave a family alone that another transaction holds, time after time: one second in all. */
const PAUSES_MS = [1, 4, 15, 30, 50, 100, 200, 300, 300]

export class Rotations {
  readonly #db: Knex
  readonly #audit: AuditLog
  readonly #reads = new SharedTrips<Buffer, RefreshState>((ids) => readRefreshStates(this.#db, ids), LIMITS)
  readonly #writes = new SharedTrips<Write, boolean>((writes) => this.#write(writes), LIMITS)
  /** By the token that each spends. Who comes second needs no trip to learn what became of it. */
  readonly #under_way = new Map<string, { sealed_response: Buffer; ending: Promise<RotationOutcome> }>()

  /** `db` is the pool of these trips alone. */
  constructor({ db, audit }: RecordingContext) {
    this.#db = db
    this.#audit = audit
  }

  /** What stands in the database about the refresh token with this SHA-256. */
  state(token_id: Buffer): Promise<RefreshState> {
    return this.#reads.ask(token_id)
  }

  /**
   * Commits the rotation together with its events, or says why it cannot be. Throws `unavailable` when the family
   * stays held by somebody else for a second; waiting for that takes no connection.
   */
  async commit(rotation: PreparedRotation, events: AuditEvent[]): Promise<RotationOutcome> {
    const key = rotation.id.toString('hex')
    const first = this.#under_way.get(key)
    if (first) {
      const outcome = await first.ending
      if (outcome.outcome !== 'rotated') return outcome
      return { outcome: 'spent', sealed_response: first.sealed_response, consumed_seconds_ago: 0 }
    }
    const ending = this.#commit(rotation, events)
    this.#under_way.set(key, { sealed_response: rotation.sealed_response, ending })
    try {
      return await ending
    } finally {
      this.#under_way.delete(key)
    }
  }

  async #commit(rotation: PreparedRotation, events: AuditEvent[]): Promise<RotationOutcome> {
    for (const pause_ms of PAUSES_MS) {
      if (await this.#writes.ask({ rotation, events })) return { outcome: 'rotated' }
      const { token } = await this.state(rotation.id)
      if (!token) return { outcome: 'gone' }
      if (token.consumed) return { ...token, outcome: 'spent' }
      await pause(pause_ms)
    }
    throw new AppError('unavailable', 'This grant is being changed by another request')
  }

  #write(writes: Write[]): Promise<boolean[]> {
    return inShortTransaction(this.#db, async (connection) => {
      const rotations = writes.map(({ rotation }) => rotation)
      const done = await rotateRefreshTokens(connection, rotations)
      const events = writes.flatMap((write, index) => (done[index] ? write.events : []))
      if (events.length > 0) await this.#audit.appendAndCommit(connection, events)
      return { result: done, is_committed: events.length > 0 }
    })
  }
}
