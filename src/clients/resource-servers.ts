import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import type { AuditLog } from '../audit/audit-log.ts'
import { recorded } from '../audit/recorded.ts'
import { canonicalResource } from '../catalogue/catalogue.ts'
import { AppError } from '../errors.ts'
import { generateSecret, sha256 } from './client-secret.ts'
import { deleteResourceServer, insertResourceServer, replaceSecret } from './resource-server-store.ts'

/** Credentials of resource servers: created and shown once, rotated, removed; each with its audit event. */
export type ResourceServerDependencies = { db: Knex; audit: AuditLog }

export type ResourceServerCredentials = { client_id: string; client_secret: string; resource: string }

const ID = /^[a-z0-9_-]{1,64}$/

/** Registers a resource server for one resource. The secret is in the answer and nowhere else. */
export async function addResourceServer(
  { db, audit }: ResourceServerDependencies,
  request: { resource: string; id?: string | undefined; actor: string },
): Promise<ResourceServerCredentials> {
  const resource = canonicalResource(request.resource)
  if (!resource) throw new AppError('invalid_input', 'A resource is an absolute http(s) URL without fragment')
  const id = request.id ?? `rs_${randomBytes(9).toString('hex')}`
  if (!ID.test(id)) throw new AppError('invalid_input', 'An id has 1 to 64 of a-z, 0-9, _ and -')
  const secret = generateSecret()
  return recorded(db, audit, async (trx) => {
    if (!(await insertResourceServer(trx, { id, resource, secret_hash: sha256(secret) })))
      throw new AppError('conflict', `There is a resource server ${id} already; rotate its secret instead`)
    return {
      result: { client_id: id, client_secret: secret, resource },
      events: [{ type: 'resource_server.created', actor: request.actor, client_id: id, resource }],
    }
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
