import type { Knex } from 'knex'
import type { AuditEvent } from '../audit/events/audit-event.ts'
import type { AuditLog } from '../audit/log/audit-log.ts'
import { recorded } from '../audit/log/recorded.ts'
import { AppError } from '../base/errors.ts'
import { holdClient } from './client-block-store.ts'
import { revokeRest, revokeWithClient } from './client-revocation.ts'
import { generateSecret, secretDigest } from './client-secret.ts'
import { deleteClient, findClient, insertClient, replaceClientMetadata } from './client-store.ts'
import { deleteDocument } from './documents/metadata-document-store.ts'
import { sanitiseClientMetadata } from './registration/client-metadata.ts'

/** Clients that an operator registers ahead of time: added, given a new secret, removed; each with its audit event. */
export type ClientDependencies = { db: Knex; audit: AuditLog }

export type ClientCredentials = { client_id: string; client_secret?: string }

/** Who does it, and by which request, for the audit log. */
type Doer = { actor: string; request_id?: string | undefined }

export type NewClient = {
  name: string
  redirect_uris: string[]
  /** Give it a secret; the secret is in the answer and nowhere else. */
  confidential: boolean
} & Doer

/** Adds a client under the policy that every registration passes. Throws `invalid_input` with the policy's reason. */
export async function addClient(
  { db, audit }: ClientDependencies,
  request: NewClient,
): Promise<ClientCredentials> {
  const read = sanitiseClientMetadata({
    client_name: request.name,
    redirect_uris: request.redirect_uris,
    token_endpoint_auth_method: request.confidential ? 'client_secret_basic' : 'none',
  })
  if ('fault' in read) throw new AppError('invalid_input', read.fault)
  const client_id = `cl_${generateSecret().slice(0, 22)}`
  const client_secret = request.confidential ? generateSecret() : undefined
  const secret = client_secret
    ? { client_secret: secretDigest(client_secret), client_secret_expires_at: 0 }
    : {}
  return recorded(db, audit, async (trx) => {
    await insertClient(trx, client_id, { ...read.metadata, client_id, ...secret }, { origin: 'operator' })
    const detail = { client_name: request.name, redirect_uris: request.redirect_uris, change: 'added' }
    return {
      result: { client_id, ...(client_secret ? { client_secret } : {}) },
      events: [changed(request, client_id, detail)],
    }
  })
}

/** Gives a pre-registered confidential client a new secret; the old one is refused from the next request on. */
export async function rotateClientSecret(
  { db, audit }: ClientDependencies,
  request: { client_id: string } & Doer,
): Promise<ClientCredentials> {
  const { client_id } = request
  const client_secret = generateSecret()
  return recorded(db, audit, async (trx) => {
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
    return {
      result: { client_id, client_secret },
      events: [changed(request, client_id, { change: 'secret_rotated' })],
    }
  })
}

/**
 * Removes a client, or the copy of its document, and revokes everything that people allowed it. A block stays, and a
 * document is fetched again when somebody authorizes. Throws `not_found`.
 */
export async function forgetClient(
  dependencies: ClientDependencies,
  request: { client_id: string; reason?: string | undefined } & Doer,
): Promise<{ revoked: string[] }> {
  const { client_id, actor, request_id, reason } = request
  const why = { actor, request_id, reason: reason ?? 'the client was removed' }
  const revoked = await recorded(dependencies.db, dependencies.audit, async (trx) => {
    await holdClient(trx, client_id)
    // Both, whatever the one says.
    const gone = [await deleteClient(trx, client_id), await deleteDocument(trx, client_id)]
    if (!gone.includes(true)) throw new AppError('not_found', `There is no client ${client_id}`)
    const { revoked, events } = await revokeWithClient(trx, client_id, why)
    const detail = { change: 'removed', ...(reason === undefined ? {} : { reason }) }
    return { result: revoked, events: [changed(request, client_id, detail), ...events] }
  })
  return { revoked: await revokeRest(dependencies, client_id, why, revoked) }
}

function changed({ actor, request_id }: Doer, client_id: string, detail: AuditEvent['detail']): AuditEvent {
  return { type: 'client.changed', actor, client_id, request_id, detail }
}
