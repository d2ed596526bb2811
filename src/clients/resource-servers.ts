import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import type { AuditLog } from '../audit/audit-log.ts'
import { recorded } from '../audit/recorded.ts'
import { canonicalResource } from '../catalogue/catalogue.ts'
import { AppError } from '../errors.ts'
import { generateSecret, sha256 } from './client-secret.ts'
import {
  deleteResourceServer,
  insertResourceServer,
  isResourceServer,
  replaceSecret,
} from './resource-server-store.ts'

/** Credentials of resource servers: created and shown once, rotated, removed; each with its audit event. */
export type ResourceServerDependencies = { db: Knex; audit: AuditLog }

export type ResourceServerCredentials = { client_id: string; client_secret: string; resource: string }

const ID = /^[a-z0-9_-]{1,64}$/
/** Only characters that mean the same with and without form-encoding in HTTP Basic (RFC 6749 §2.3.1). */
const CHOSEN_SECRET = /^[A-Za-z0-9._-]{32,256}$/

function chosenSecret(secret: string): string {
  if (CHOSEN_SECRET.test(secret)) return secret
  throw new AppError('invalid_input', 'A secret of your own has 32 to 256 of A-Z, a-z, 0-9, `-`, `.` and `_`')
}

/**
 * Registers a resource server for one resource. Without `secret` one is made, which is in the answer and nowhere
 * else. With the caller's own secret, doing the same again changes nothing, so that deployments can repeat it.
 */
export async function addResourceServer(
  { db, audit }: ResourceServerDependencies,
  request: { resource: string; id?: string | undefined; secret?: string | undefined; actor: string },
): Promise<ResourceServerCredentials> {
  const resource = canonicalResource(request.resource)
  if (!resource) throw new AppError('invalid_input', 'A resource is an absolute http(s) URL without fragment')
  const id = request.id ?? `rs_${randomBytes(9).toString('hex')}`
  if (!ID.test(id)) throw new AppError('invalid_input', 'An id has 1 to 64 of a-z, 0-9, _ and -')
  const secret = request.secret === undefined ? generateSecret() : chosenSecret(request.secret)
  const row = { id, resource, secret_hash: sha256(secret) }
  return recorded(db, audit, async (trx) => {
    const result = { client_id: id, client_secret: secret, resource }
    const created = await insertResourceServer(trx, row)
    if (!created && !(await isResourceServer(trx, row)))
      throw new AppError('conflict', `There is a resource server ${id} already; rotate its secret instead`)
    const event = { type: 'resource_server.created', actor: request.actor, client_id: id, resource } as const
    return { result, events: created ? [event] : [] }
  })
}

/** Gives a resource server a new secret; the old one is refused from the next introspection on. */
export async function rotateResourceServerSecret(
  { db, audit }: ResourceServerDependencies,
  request: { id: string; actor: string },
): Promise<ResourceServerCredentials> {
  const secret = generateSecret()
  return recorded(db, audit, async (trx) => {
    const row = await replaceSecret(trx, request.id, sha256(secret))
    if (!row) throw new AppError('not_found', `There is no resource server ${request.id}`)
    const { id, resource } = row
    const detail = { change: 'secret_rotated' }
    return {
      result: { client_id: id, client_secret: secret, resource },
      events: [{ type: 'resource_server.changed', actor: request.actor, client_id: id, resource, detail }],
    }
  })
}

export async function removeResourceServer(
  { db, audit }: ResourceServerDependencies,
  request: { id: string; actor: string },
): Promise<void> {
  await recorded(db, audit, async (trx) => {
    const row = await deleteResourceServer(trx, request.id)
    if (!row) throw new AppError('not_found', `There is no resource server ${request.id}`)
    const { id, resource } = row
    const detail = { change: 'removed' }
    return {
      result: undefined,
      events: [{ type: 'resource_server.changed', actor: request.actor, client_id: id, resource, detail }],
    }
  })
}
