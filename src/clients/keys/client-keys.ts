import type { Knex } from 'knex'
import { parseJson } from '../../base/json.ts'
import { UNKNOWN_NETWORK } from '../../base/network.ts'
import { type DocumentNetwork, type Fetched, fetchDocument } from '../documents/document-fetch.ts'
import { FetchBudget } from '../documents/fetch-budget.ts'
import { SingleFlight } from '../documents/single-flight.ts'
import { type PublicKey, usableKeys } from './key-set.ts'
import { findKeySet, keepKeySet, keepKeySetFailure } from './key-set-store.ts'

/**
 * The keys that clients publish at a `jwks_uri` (RFC 7591 §2) to authenticate by private_key_jwt. Fetched like a
 * metadata document; the last good set outlives the trouble of its host; a key that is not in it is asked for.
 */
const SIZE_MAX_BYTES = 64 * 1024
const ASK_AGAIN_SECONDS = 30
const RETRY_AFTER_SECONDS = 60
const URL_MAX_LENGTH = 2_048

export class ClientKeys {
  readonly #db: Knex
  readonly #network: DocumentNetwork | undefined
  readonly #budget = new FetchBudget()
  readonly #flights = new SingleFlight()

  constructor(dependencies: { db: Knex; network?: DocumentNetwork | undefined }) {
    this.#db = dependencies.db
    this.#network = dependencies.network
  }

  /**
   * The keys at `jwks_uri`, asked for anew when they are stale or `kid` is not among them; undefined: none known. Throws `unavailable`
   * when none are known and too much is fetched now, for this network or for all.
   */
  async current(
    jwks_uri: string,
    kid: string | undefined,
    network: string = UNKNOWN_NETWORK,
  ): Promise<PublicKey[] | undefined> {
    const url = URL.parse(jwks_uri)
    if (!url || url.href.length > URL_MAX_LENGTH) return undefined
    const stored = await findKeySet(this.#db, url.href)
    const has_key = stored?.keys?.some((key) => kid === undefined || key.kid === kid) ?? false
    if (stored && ((stored.fresh && has_key) || !stored.may_ask)) return stored.keys ?? undefined
    const wanted = { host: url.hostname, network, is_known: stored?.keys != null }
    try {
      await this.#flights.run(url.href, () => this.#budget.spend(wanted, () => this.#refresh(url)))
    } catch (error) {
      if (!stored?.keys) throw error
    }
    return (await findKeySet(this.#db, url.href))?.keys ?? undefined
  }

  async #refresh(url: URL): Promise<void> {
    // Another instance, or the flight before this one, may have been here since.
    if ((await findKeySet(this.#db, url.href))?.may_ask === false) return
    await this.#keep(url.href, await fetchDocument(url, SIZE_MAX_BYTES, this.#network))
  }

  async #keep(jwks_uri: string, fetched: Fetched): Promise<void> {
    const fail = (failure: string) =>
      keepKeySetFailure(this.#db, { jwks_uri, failure, ask_again_seconds: RETRY_AFTER_SECONDS })
    if (fetched.outcome !== 'document') return fail(fetched.reason)
    const keys = usableKeys(parseJson(fetched.text))
    if (!keys) return fail('the answer is not a JSON Web Key Set')
    const { fresh_for_seconds } = fetched
    await keepKeySet(this.#db, { jwks_uri, keys, fresh_for_seconds, ask_again_seconds: ASK_AGAIN_SECONDS })
  }
}
