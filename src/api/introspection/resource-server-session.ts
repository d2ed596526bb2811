import type { Knex } from 'knex'
import type { RequestOrigin } from '../../audit/log/action-origin.ts'
import type { AuditLog } from '../../audit/log/audit-log.ts'
import { AppError } from '../../base/errors.ts'
import { type AskingServer, findAskingServers } from '../../clients/resource-servers/resource-server-store.ts'
import { SharedTrips } from '../../storage/shared-trips.ts'
import { AssertionProof } from './assertion-proof.ts'
import { refusal } from './decision.ts'
import { authenticates, presentedCredentials } from './resource-server-authentication.ts'

/** A resource server that proved itself, and by what. */
export type ResourceServerSession = { id: string; resource: string; credential_hash: Buffer }

export type Presented = RequestOrigin & {
  authorization: string | undefined
  /** Of the form, of the query or of the body: `client_id`, `client_secret`, `client_assertion` and its type. */
  parameters: { get(name: string): string | undefined }
}

type Dependencies = { db: Knex; audit: Pick<AuditLog, 'append'>; issuer: string }

const LIMITS = { trips_max: 2, per_trip_max: 256, waiting_max: 1_000 }

/**
 * Who asks, wherever resource servers ask for something other than an introspection, which learns it in its own lookup. By
 * the same credentials: client_secret_basic, client_secret_post, private_key_jwt.
 */
export class ResourceServerSessions {
  readonly #audit: Dependencies['audit']
  readonly #proof: AssertionProof
  readonly #lookups: SharedTrips<string, AskingServer | undefined>

  constructor({ db, audit, issuer }: Dependencies) {
    this.#audit = audit
    this.#proof = new AssertionProof({ db, issuer })
    this.#lookups = new SharedTrips((ids) => findAskingServers(db, ids), LIMITS)
  }

  /**
   * Throws `unauthenticated`, once that is recorded, for whoever is no resource server; `invalid_input` for credentials
   * of two kinds; `unavailable` when too many wait, and what the database throws.
   */
  async open(presented: Presented): Promise<ResourceServerSession> {
    const { authorization, parameters, request_id, ip } = presented
    const credentials = presentedCredentials(authorization, parameters)
    const found = await this.#lookups.ask(credentials.id)
    const settled = await this.#proof.settle(credentials, found?.credential_hash)
    if (found && authenticates(settled, found.credential_hash)) return { ...found, id: settled.id }
    const { event, description } = refusal({ credentials: settled, request_id, ip })
    await this.#audit.append(event)
    throw new AppError('unauthenticated', description)
  }

  /** Whether what it was opened with is still the credential of that resource server, for answers that last long. */
  async stands({ id, resource, credential_hash }: ResourceServerSession): Promise<boolean> {
    const found = await this.#lookups.ask(id)
    return found?.resource === resource && found.credential_hash.equals(credential_hash)
  }
}
