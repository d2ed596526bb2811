import { AsyncLocalStorage } from 'node:async_hooks'
import type { Knex } from 'knex'
import type { GoneGrant } from '../../grants/grant-store.ts'
import type { PreparedRotation, RefreshState } from '../../grants/rotation-store.ts'
import { begin, rollBack } from '../../storage/transaction.ts'

/** What a token request did besides answering; read when its transaction is settled. */
export type Rotation = { presented: string } & Pick<PreparedRotation, 'id' | 'grant_id'> &
  Partial<PreparedRotation>
export type Replay = { presented: string; sealed_response: Buffer; consumed_seconds_ago: number }
export type Foreseen = { presented: string; state: RefreshState }

/**
 * The one database transaction of a token, revocation or registration request. It begins with the first
 * statement that needs it, so a request that is refused for its shape never opens one. A refresh that is not refused
 * needs none of its own: it shares one (rotations.ts).
 */
export class UnitOfWork {
  /** Set for a refresh: what was read about the presented token before the engine asks for it piece by piece. */
  foreseen: Foreseen | undefined
  /** Set when the engine spends the foreseen token: all that it writes then is written at the end, at once. */
  rotation: Rotation | undefined
  /** Set when a spent refresh token was presented again within the grace: nothing may be written. */
  replay: Replay | undefined
  /** Set when reuse or a revocation deleted a grant: this must survive even a 4xx answer. */
  revoked_grant: GoneGrant | undefined
  /** Set when a code is presented: the challenge it was issued for. */
  code_challenge: unknown
  /** Set when a registration was answered with the client of an earlier one. */
  registered_before = false
  /** Set when a new client registers that may be given again to whoever registers the same. */
  registration_digest: Buffer | undefined

  readonly #db: Knex
  readonly #at_end: (() => void)[] = []
  #transaction: Promise<Knex.Transaction> | undefined

  constructor(db: Knex, begun?: Knex.Transaction) {
    this.#db = db
    this.#transaction = begun && Promise.resolve(begun)
  }

  connection(): Promise<Knex.Transaction> {
    this.#transaction ??= begin(this.#db)
    return this.#transaction
  }

  get begun(): boolean {
    return this.#transaction !== undefined
  }

  /** Called once everything of the request is committed or rolled back. */
  atEnd(done: () => void): void {
    this.#at_end.push(done)
  }

  async end(): Promise<void> {
    await this.rollback()
    for (const done of this.#at_end.splice(0)) done()
  }

  async rollback(): Promise<void> {
    const transaction = await this.#transaction?.catch(() => undefined)
    if (transaction) await rollBack(transaction)
  }
}

const current = new AsyncLocalStorage<UnitOfWork>()

export function runInUnit<T>(unit: UnitOfWork, work: () => Promise<T>): Promise<T> {
  return current.run(unit, work)
}

/** Lets the engine's models write in a transaction that somebody else commits. */
export function runInTransaction<T>(trx: Knex.Transaction, work: () => Promise<T>): Promise<T> {
  return runInUnit(new UnitOfWork(trx, trx), work)
}

export function currentUnit(): UnitOfWork | undefined {
  return current.getStore()
}

/** The transaction of the current request, or the pool outside of one. */
export async function connectionFor(db: Knex): Promise<Knex> {
  return (await currentUnit()?.connection()) ?? db
}
