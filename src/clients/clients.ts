import type { ActionOrigin } from '../audit/log/action-origin.ts'
import { type RecordingContext, recorded } from '../audit/log/recorded.ts'
import { AppError } from '../base/errors.ts'
import { holdClient } from './client-block-store.ts'
import { revokeRest, revokeWithClient } from './client-revocation.ts'
import { generateSecret, secretDigest } from './client-secret.ts'
import { deleteClient, findClient, insertClient, replaceClientMetadata } from './client-store.ts'
import { deleteDocument } from './documents/metadata-document-store.ts'
import { sanitiseClientMetadata } from './registration/client-metadata.ts'
import { receiverNames } from './registration/receiver.ts'

/** Clients that an operator registers ahead of time: added, given a new secret, removed; each with its audit event. */
export type ClientCredentials = { client_id: string; client_secret?: string }

export type NewClient = {
  name: string
  redirect_uris: string[]
  /** Give it a secret; the secret is in the answer and nowhere else. */
  confidential: boolean
}

/** Adds a client under the policy that every registration passes. Throws `invalid_input` with the policy's reason. */
export async function addClient(
  dependencies: RecordingContext & { app_schemes?: readonly string[] | undefined },
  request: NewClient,
  origin: ActionOrigin,
): Promise<ClientCredentials> {
  const { name: client_name, redirect_uris, confidential } = request
  const token_endpoint_auth_method = confidential ? 'client_secret_basic' : 'none'
  const body = { client_name, redirect_uris, token_endpoint_auth_method }
  const read = sanitiseClientMetadata(body, { app_schemes: dependencies.app_schemes, is_added: true })
  if ('fault' in read) throw new AppError('invalid_input', read.fault)
  const client_id = `cl_${generateSecret().slice(0, 22)}`
  const client_secret = confidential ? generateSecret() : undefined
  const secret = client_secret
    ? { client_secret: secretDigest(client_secret), client_secret_expires_at: 0 }
    : {}
  return recorded(dependencies, origin, async (trx, record) => {
    await insertClient(trx, client_id, { ...read.metadata, client_id, ...secret }, { origin: 'operator' })
    const detail = {
      client_name,
      redirect_uris,
      receivers: receiverNames(redirect_uris),
      change: 'added',
    } as const
    record({ type: 'client.changed', client_id, detail })
    return { client_id, ...(client_secret ? { client_secret } : {}) }
  })
}

/** Gives a pre-registered confidential client a new secret; the old one is refused from the next request on. */
export async function rotateClientSecret(
  dependencies: RecordingContext,
  client_id: string,
  origin: ActionOrigin,
): Promise<ClientCredentials> {
  const client_secret = generateSecret()
  return recorded(dependencies, origin, async (trx, record) => {
    const metadata = await findClient(trx, client_id)
    if (!metadata?.client_secret)
      throw new AppError(
        'not_found',
        `There is no client ${client_id} with a secret that an operator gave it`,
      )
    if (
      !(await replaceClientMetadata(trx, client_id, {
        ...metadata,
        client_secret: secretDigest(client_secret),
      }))
    )
      throw new AppError('not_found', `There is no client ${client_id} that an operator added`)
    record({ type: 'client.changed', client_id, detail: { change: 'secret_rotated' } })
    return { client_id, client_secret }
  })
}

/**
 * Removes a client, or the copy of its document, and revokes everything that people allowed it. A block stays, and a
 * document is fetched again when somebody authorizes. Throws `not_found`.
 */
export async function forgetClient(
  dependencies: RecordingContext,
  client_id: string,
  origin: ActionOrigin,
): Promise<{ revoked: string[] }> {
  const of_grants = { ...origin, reason: origin.reason ?? 'the client was removed' }
  const revoked = await recorded(dependencies, origin, async (trx, record) => {
    await holdClient(trx, client_id)
    // Both, whatever the one says.
    const gone = [await deleteClient(trx, client_id), await deleteDocument(trx, client_id)]
    if (!gone.includes(true)) throw new AppError('not_found', `There is no client ${client_id}`)
    return revokeWithClient(trx, client_id, record, {
      cause: () => record({ type: 'client.changed', client_id, detail: { change: 'removed' } }),
      reason: of_grants.reason,
    })
  })
  return { revoked: await revokeRest(dependencies, client_id, of_grants, revoked) }
}
