import type { Knex } from 'knex'
import { SingleFlight } from '../../clients/documents/single-flight.ts'
import {
  isSignedByOneOf,
  type KeySet,
  keySetHash,
  readKeySet,
} from '../../clients/resource-servers/resource-server-keys.ts'
import { findCredential } from '../../clients/resource-servers/resource-server-store.ts'
import { assertionFault, rememberProof } from './client-assertion.ts'
import { Recent } from './recent.ts'
import type { PresentedCredentials } from './resource-server-authentication.ts'

/**
 * Whether an assertion was signed by the keys that are registered now. The lookup says which key set that is, by its
 * hash; the key sets themselves never change, so a process may keep them. One that it does not hold is fetched, once:
 * nobody can make it fetch by sending assertions.
 */
export class AssertionProof {
  readonly #db: Knex
  readonly #audiences: readonly string[]
  readonly #key_sets = new Recent<KeySet>(1_000)
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
    const { assertion, credential_hash } = credentials
    if (!assertion) return credentials
    const now_seconds = Date.now() / 1000
    const fault = assertionFault(assertion, { audiences: this.#audiences, now_seconds })
    if (fault !== undefined) return { ...credentials, fault }
    if (!stored || stored.equals(credential_hash)) return credentials
    return this.#prove({ ...credentials, assertion }, stored)
  }

  async #prove(
    credentials: PresentedCredentials & Required<Pick<PresentedCredentials, 'assertion'>>,
    stored: Buffer,
  ): Promise<PresentedCredentials> {
    const { id, assertion } = credentials
    const keys = await this.#keySet(id, stored)
    if (!keys || !isSignedByOneOf(keys, assertion)) return credentials
    rememberProof(assertion, stored)
    return { ...credentials, credential_hash: stored }
  }

  /** The keys whose hash is `stored`; none for a secret, and undefined when they were replaced again meanwhile. */
  async #keySet(id: string, stored: Buffer): Promise<KeySet | undefined> {
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
    this.#key_sets.set(credential_hash.toString('hex'), is_key_set ? readKeySet(jwks) : [])
  }
}
