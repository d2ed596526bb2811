import type { Knex } from 'knex'
import { sha256 } from '../../base/digest.ts'
import { UNKNOWN_NETWORK } from '../../base/network.ts'
import type { ClientMetadata } from '../client-store.ts'
import { sanitiseMetadataDocument } from '../registration/client-metadata.ts'
import { receiverNames } from '../registration/receiver.ts'
import { type Admission, admits } from './admission.ts'
import { type DocumentNetwork, type Fetched, fetchDocument, isFetchable } from './document-fetch.ts'
import { FetchBudget } from './fetch-budget.ts'
import { findDocument, keepDocument, keepFailure, type StoredDocument } from './metadata-document-store.ts'
import { SingleFlight } from './single-flight.ts'

/**
 * Clients that are known by the URL of a document about them (Client ID Metadata Document draft). The document is
 * fetched when somebody authorizes and at no other time; a good copy outlives the trouble of its host.
 */
export type DocumentDependencies = {
  db: Knex
  admission: Admission
  network?: DocumentNetwork | undefined
  app_schemes?: readonly string[] | undefined
}

const SIZE_MAX_BYTES = 5 * 1024
const RETRY_AFTER_SECONDS = 60
const URL_MAX_LENGTH = 2_048

/** The draft's §3 rules for such a URL, and port 443; undefined when the string is no such client id. */
export function documentUrl(client_id: string): URL | undefined {
  if (!client_id.startsWith('https://') || client_id.length > URL_MAX_LENGTH) return undefined
  if (/[\p{Cc}\s\\#]/u.test(client_id)) return undefined
  const url = URL.parse(client_id)
  if (!url || !isFetchable(url) || url.pathname === '/') return undefined
  // The parser resolves dot segments, so a URL that has any does not come out as it went in.
  return url.href === client_id ? url : undefined
}

/** What a person's trust rests on: where codes go and how the client proves itself. */
function identityOf(metadata: ClientMetadata): string {
  const { redirect_uris, jwks, jwks_uri, token_endpoint_auth_method } = metadata
  const hosts = receiverNames(redirect_uris as string[]).sort()
  const basis = JSON.stringify([hosts, jwks ?? null, jwks_uri ?? null, token_endpoint_auth_method ?? null])
  return sha256(basis).toString('base64url')
}

/** A copy serves new authorizations unless its host has said, since, that there is no such document. */
function usable(stored: StoredDocument | undefined): ClientMetadata | undefined {
  return stored?.refused ? undefined : (stored?.metadata ?? undefined)
}

export class MetadataDocuments {
  readonly #dependencies: DocumentDependencies
  readonly #budget = new FetchBudget()
  readonly #flights = new SingleFlight()

  constructor(dependencies: DocumentDependencies) {
    this.#dependencies = dependencies
  }

  /** The client that `client_id` names, from the stored copy alone; for every endpoint but /authorize. */
  async known(client_id: string): Promise<ClientMetadata | undefined> {
    if (!documentUrl(client_id)) return undefined
    return (await findDocument(this.#dependencies.db, client_id))?.metadata ?? undefined
  }

  /**
   * The client that `client_id` names, asked for anew when its copy is no longer fresh; for /authorize. Throws `unavailable` when
   * there is no copy and too much is fetched now, for this network or for all.
   */
  async current(
    client_id: string,
    { request_id, network = UNKNOWN_NETWORK }: { request_id?: string; network?: string | undefined } = {},
  ): Promise<ClientMetadata | undefined> {
    const { db, admission } = this.#dependencies
    const url = documentUrl(client_id)
    if (!url || !(await admission.admit(url, request_id))) return undefined
    const stored = await findDocument(db, client_id)
    if (stored?.fresh) return usable(stored)
    const wanted = { host: url.hostname, network, is_known: stored?.metadata != null }
    const refresh = () => this.#budget.spend(wanted, () => this.#refresh(client_id, url))
    try {
      await this.#flights.run(client_id, refresh)
    } catch (error) {
      // Over budget a copy serves, and nothing is remembered: it says nothing about the document.
      if (!usable(stored)) throw error
    }
    return usable(await findDocument(db, client_id))
  }

  /** Why `client_id` names no usable client, in words for its makers. */
  async failure(client_id: string): Promise<string> {
    const { db, admission } = this.#dependencies
    const url = documentUrl(client_id)
    if (!url) return 'such a client_id is https on port 443 with a path, in normal form, without a fragment'
    if (!admission.policy.dry_run && !admits(admission.policy, url.hostname))
      return 'its host is not admitted here'
    const stored = await findDocument(db, client_id)
    return stored?.failure ?? 'nothing is known about it now; try again in a minute'
  }

  async #refresh(client_id: string, url: URL): Promise<void> {
    const { db, network } = this.#dependencies
    // Another instance, or the flight before this one, may have been here since.
    if ((await findDocument(db, client_id))?.fresh) return
    await this.#keep(client_id, await fetchDocument(url, SIZE_MAX_BYTES, network), url.hostname)
  }

  async #keep(client_id: string, fetched: Fetched, host: string): Promise<void> {
    const { db, app_schemes } = this.#dependencies
    const fail = (failure: string, refused: boolean) =>
      keepFailure(db, { client_id, failure, refused, retry_after_seconds: RETRY_AFTER_SECONDS })
    if (fetched.outcome !== 'document') return fail(fetched.reason, fetched.outcome === 'refused')
    const read = sanitiseMetadataDocument(client_id, fetched.text, { app_schemes })
    if ('fault' in read) return fail(read.fault, true)
    const { metadata } = read
    const { fresh_for_seconds } = fetched
    this.#budget.wasGood(host)
    await keepDocument(db, { client_id, metadata, identity: identityOf(metadata), fresh_for_seconds })
  }
}
