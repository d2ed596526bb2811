import type { Knex } from 'knex'
import { type Adapter, type AdapterFactory, errors, Provider } from 'oidc-provider'
import {
  deleteBrowserSession,
  findBrowserSession,
  putBrowserSession,
} from '../../accounts/sessions/browser-session-store.ts'
import { sha256 } from '../../base/digest.ts'
import { AppError } from '../../base/errors.ts'
import { enterClient, isClientBlocked } from '../../clients/client-block-store.ts'
import { secretDigest } from '../../clients/client-secret.ts'
import { type ClientMetadata, deleteClient, findClient, insertClient } from '../../clients/client-store.ts'
import { documentUrl, type MetadataDocuments } from '../../clients/documents/metadata-documents.ts'
import { assertionKeyId } from '../../clients/keys/client-assertion.ts'
import type { ClientKeys } from '../../clients/keys/client-keys.ts'
import { deleteGrant, findGrantPayload, putGrant } from '../../grants/grant-store.ts'
import { requestId } from '../../http/request-context.ts'
import { deletePayload, getPayload, putPayload, putPayloadOnce } from '../../storage/payload-store.ts'
import { connectionFor, currentUnit } from '../tokens/unit-of-work.ts'
import { callingSite, rowLimit, unlessBusy } from './anonymous-rows.ts'
import { type ModelAdapter, type ModelPayload, unsupported } from './model-adapter.ts'
import { accessTokenAdapter, authorizationCodeAdapter, refreshTokenAdapter } from './token-adapters.ts'

/** Ids of sessions, interactions and grants. */
const ID = /^[A-Za-z0-9_-]{1,128}$/
/** Client ids are either ours or the URL of a metadata document. */
const CLIENT_ID = /^[\x21-\x7e]{1,2048}$/

const CLIENT_BLOCKED = 'this client is blocked here'

/** What clients publish about themselves elsewhere. */
export type PublishedClients = { documents: MetadataDocuments; client_keys: ClientKeys }

/** The client of a metadata document: asked for anew where somebody authorizes, from the stored copy elsewhere. */
async function documentClient(
  documents: MetadataDocuments,
  client_id: string,
): Promise<ClientMetadata | undefined> {
  const ctx = Provider.ctx
  if (ctx?.oidc.route !== 'authorization') return documents.known(client_id)
  const origin = { request_id: requestId(ctx), network: callingSite() }
  const found = await unlessBusy(documents.current(client_id, origin))
  if (found) return found
  const reason = await documents.failure(client_id)
  throw new errors.InvalidClient(`the client's metadata document cannot be used: ${reason}`)
}

/** A client that proves itself by a key gets its keys in place of where they are: the engine fetches nothing. */
async function withKeys(keys: ClientKeys, metadata: ClientMetadata): Promise<ClientMetadata> {
  const assertion = Provider.ctx?.oidc.params?.client_assertion
  const { jwks_uri, ...rest } = metadata
  if (typeof jwks_uri !== 'string' || typeof assertion !== 'string') return metadata
  const known = await unlessBusy(keys.current(jwks_uri, assertionKeyId(assertion), callingSite()))
  return known ? { ...rest, jwks: { keys: known } } : metadata
}

/** The client of the refresh token that this request presents, as it was read with the token. */
function foreseenClient(client_id: string): ClientMetadata | undefined {
  const client = currentUnit()?.foreseen?.state.client
  return client?.id === client_id ? client.metadata : undefined
}

function clientAdapter(db: Knex, { documents, client_keys }: PublishedClients): ModelAdapter {
  const findAnywhere = async (id: string) => {
    const is_document = id.startsWith('https://')
    const foreseen = is_document && !documentUrl(id) ? undefined : foreseenClient(id)
    if (foreseen) return foreseen
    // Asked every time, so that a block counts from the next request on, on every instance. RFC 6749 §5.2
    if (await isClientBlocked(db, id)) throw new errors.UnauthorizedClient(CLIENT_BLOCKED)
    return is_document ? documentClient(documents, id) : findClient(db, id)
  }
  return {
    async upsert(id, payload) {
      const { client_secret, ...metadata } = payload as Record<string, unknown>
      const secret = typeof client_secret === 'string' ? { client_secret: secretDigest(client_secret) } : {}
      const digest = currentUnit()?.registration_digest
      await insertClient(
        await connectionFor(db),
        id,
        { ...metadata, ...secret },
        digest ? { metadata_digest: digest } : {},
      )
    },
    async find(id) {
      // Outside the request's transaction: resolving a client may wait for somebody else's web server.
      if (!CLIENT_ID.test(id)) return undefined
      const found = await findAnywhere(id)
      return found && ((await withKeys(client_keys, found)) as ModelPayload)
    },
    consume: unsupported('Client'),
    destroy: async (id) => void (await deleteClient(db, id)),
    revokeByGrantId: unsupported('Client'),
  }
}

function onlyResource(payload: ModelPayload): [resource: string | null, scope: string] {
  const resources = Object.entries(payload.resources ?? {})
  const [first] = resources
  if (resources.length > 1) throw new errors.InvalidTarget('one resource per authorization')
  return first ? [first[0], String(first[1])] : [null, '']
}

/** Whoever blocks the client at this moment waits for this grant and revokes it, or keeps it from being given. */
async function giveGrant(trx: Knex, row: Parameters<typeof putGrant>[1]): Promise<void> {
  if ((await enterClient(trx, row.client_id)) === 'blocked')
    throw new AppError('forbidden', `${CLIENT_BLOCKED}; it gets no access`)
  await putGrant(trx, row)
}

function grantAdapter(db: Knex): ModelAdapter {
  return {
    async upsert(id, payload, ttl_seconds = 0) {
      const { accountId, clientId } = payload
      if (!accountId || !clientId) throw new Error('a grant without account or client')
      const [resource, scope] = onlyResource(payload)
      const row = { id, account_id: accountId, client_id: clientId, resource, scope, ttl_seconds, payload }
      const trx = await currentUnit()?.connection()
      // The event of the consent has to commit with it.
      if (!trx) throw new Error('a grant outside of a transaction')
      await giveGrant(trx, row)
    },
    async find(id) {
      const foreseen = currentUnit()?.foreseen?.state
      if (foreseen?.token?.grant_id === id) return foreseen.grant_payload
      return ID.test(id) ? findGrantPayload(await connectionFor(db), id) : undefined
    },
    consume: unsupported('Grant'),
    async destroy(id) {
      const unit = currentUnit()
      const gone = await deleteGrant(await connectionFor(db), id)
      if (gone && unit) unit.revoked_grant = gone
    },
    async revokeByGrantId() {},
  }
}

/** Browser sessions: the cookie's value is hashed; the session's uid, which opens nothing, finds it too. */
function sessionAdapter(db: Knex): ModelAdapter & Pick<Adapter, 'findByUid'> {
  const key = (id: string) => sha256(id).toString('base64url')
  return {
    async upsert(id, { jti: _, ...payload }, ttl_seconds) {
      await putBrowserSession(db, { id: key(id), uid: payload.uid, payload, ttl_seconds })
    },
    async find(id) {
      const found = ID.test(id) ? await findBrowserSession(db, { id: key(id) }) : undefined
      return found && { ...found.payload, jti: id }
    },
    async findByUid(uid) {
      const found = ID.test(uid) ? await findBrowserSession(db, { uid }) : undefined
      return found && { ...found.payload, jti: found.id }
    },
    consume: unsupported('Session'),
    destroy: (id) => deleteBrowserSession(db, key(id)),
    revokeByGrantId: unsupported('Session'),
  }
}

/** A sign-in or consent in progress. The session cookie that oidc-provider copies into it is left out. */
function interactionAdapter(db: Knex, resume_url: (uid: string) => string): ModelAdapter {
  const key = (id: string) => sha256(id).toString('base64url')
  const limit = rowLimit('interaction')
  return {
    async upsert(id, { jti: _, returnTo: __, ...payload }, ttl_seconds) {
      const { cookie: ___, ...session } = (payload.session ?? {}) as Record<string, unknown>
      if (session.accountId === undefined) limit()
      const stored = payload.session ? { ...payload, session } : payload
      await putPayload(db, { model: 'Interaction', id: key(id), payload: stored, ttl_seconds })
    },
    async find(id) {
      const payload = ID.test(id) ? await getPayload(db, 'Interaction', key(id)) : undefined
      return payload && { ...payload, jti: id, returnTo: resume_url(id) }
    },
    consume: unsupported('Interaction'),
    destroy: (id) => deletePayload(db, 'Interaction', key(id)),
    revokeByGrantId: unsupported('Interaction'),
  }
}

/** Assertion ids that were seen: inserting is the check, so that of two replays in parallel one loses. */
function replayAdapter(db: Knex): ModelAdapter {
  const limit = rowLimit('assertion')
  return {
    async upsert(id, payload, ttl_seconds = 0) {
      limit()
      if (!(await putPayloadOnce(db, { model: 'ReplayDetection', id, payload, ttl_seconds })))
        throw new errors.InvalidClientAuth('client assertion tokens must only be used once')
    },
    find: (id) => getPayload(db, 'ReplayDetection', id),
    consume: unsupported('ReplayDetection'),
    destroy: unsupported('ReplayDetection'),
    revokeByGrantId: unsupported('ReplayDetection'),
  }
}

function unusedAdapter(model: string): ModelAdapter {
  const refuse = unsupported(model)
  return {
    upsert: refuse,
    find: async () => undefined,
    consume: refuse,
    destroy: refuse,
    revokeByGrantId: async () => undefined,
  }
}

export type AdapterOptions = PublishedClients & {
  db: Knex
  issuer: string
  refresh_grace_seconds: number
}

/**
 * oidc-provider's models on our stores. Ids that a browser or client bears are hashed here, on their way in;
 * the raw value is put back on the way out, since only its bearer can have asked for it.
 */
export function createAdapterFactory(options: AdapterOptions): AdapterFactory {
  const { db, issuer, refresh_grace_seconds } = options
  const adapters: Record<string, ModelAdapter> = {
    Client: clientAdapter(db, options),
    Grant: grantAdapter(db),
    Session: sessionAdapter(db),
    Interaction: interactionAdapter(db, (uid) => `${issuer}/authorize/${uid}`),
    ReplayDetection: replayAdapter(db),
    AuthorizationCode: authorizationCodeAdapter(db),
    RefreshToken: refreshTokenAdapter(db, refresh_grace_seconds),
    AccessToken: accessTokenAdapter(db),
  }
  const notByThis = { findByUid: async () => undefined, findByUserCode: async () => undefined }
  return (model) => ({ ...notByThis, ...(adapters[model] ?? unusedAdapter(model)) })
}
