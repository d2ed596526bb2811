import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose'
import type { Knex } from 'knex'
import { parseJson } from '../../base/json.ts'
import { SingleFlight } from '../../clients/documents/single-flight.ts'
import { keysOf, verifyAssertion } from '../../clients/keys/client-assertion.ts'
import { keySetHash } from '../../clients/resource-servers/resource-server-keys.ts'
import { findCredential } from '../../clients/resource-servers/resource-server-store.ts'
import { Recent } from './recent.ts'
import type { PresentedCredentials } from './resource-server-authentication.ts'

/** What was proven of an assertion: which key set signed it, by its hash, and until when it counts. */
type Proven = { signed_by: Buffer; exp_seconds: number }

/**
 * Whether an assertion was signed by the keys that are registered now. The lookup says which key set that is, by its
 * hash; the key sets themselves never change, so a process may keep them. One that it does not hold is fetched, once:
 * nobody can make it fetch by sending assertions.
 */
export class AssertionProof {
  readonly #db: Knex
  readonly #audiences: string[]
  readonly #proven = new Recent<Proven>(1_000)
  readonly #key_sets = new Recent<JWTVerifyGetKey>(1_000)
  readonly #flights = new SingleFlight()

  constructor({ db, issuer }: { db: Knex; issuer: string }) {
    this.#db = db
    this.#audiences = [issuer, `${issuer}/introspect`]
  }

  /**
   * The credentials as they are to be compared with `stored`, the credential hash of this moment (undefined: there is
   * no such resource server). A promise only where a signature under this key set was not seen before.
   */
  settle(
    credentials: PresentedCredentials,
    stored: Buffer | undefined,
  ): PresentedCredentials | Promise<PresentedCredentials> {
    const { assertion } = credentials
    if (assertion === undefined || !stored) return credentials
    const proven = this.#proven.get(assertion)
    if (proven && proven.exp_seconds > Date.now() / 1000 && proven.signed_by.equals(stored))
      return { ...credentials, credential_hash: stored }
    return this.#prove({ ...credentials, assertion }, stored)
  }

  async #prove(
    credentials: PresentedCredentials & { assertion: string },
    stored: Buffer,
  ): Promise<PresentedCredentials> {
    const { id: client_id, assertion } = credentials
    const keys = await this.#keySet(client_id, stored)
    if (!keys) return credentials
    const verified = await verifyAssertion(assertion, { keys, client_id, audiences: this.#audiences })
    if (!verified) return credentials
    if ('fault' in verified) return { ...credentials, ...verified }
    this.#proven.set(assertion, { signed_by: stored, ...verified })
    return { ...credentials, credential_hash: stored }
  }

  /** The keys whose hash is `stored`; none for a secret, and undefined when they were replaced again meanwhile. */
  async #keySet(id: string, stored: Buffer): Promise<JWTVerifyGetKey | undefined> {
    const name = stored.toString('hex')
    const held = this.#key_sets.get(name)
    if (held) return held
    // A flight for this hash began after the hash was there to be seen, so nobody joins one that is too early.
    await this.#flights.run(`${id} ${name}`, () => this.#fetch(id))
    return this.#key_sets.get(name)
  }

  async #fetch(id: string): Promise<void> {
    const found = await findCredential(this.#db, id)
    if (!found) return
    const { credential_hash, jwks } = found
    const is_key_set = jwks !== null && keySetHash(jwks).equals(credential_hash)
    const keys = keysOf(is_key_set ? (parseJson(jwks) as JSONWebKeySet) : { keys: [] })
    this.#key_sets.set(credential_hash.toString('hex'), keys)
  }
}
