import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import type { DetailOf } from '../../audit/events/audit-event.ts'
import type { ActionOrigin } from '../../audit/log/action-origin.ts'
import { type RecordingContext, recorded } from '../../audit/log/recorded.ts'
import { sha256 } from '../../base/digest.ts'
import { AppError } from '../../base/errors.ts'
import { canonicalResource } from '../../catalogue/catalogue.ts'
import type { PageWanted } from '../../storage/keyset.ts'
import { generateSecret } from '../client-secret.ts'
import { registeredKeys } from './resource-server-keys.ts'
import {
  type Credential,
  deleteResourceServer,
  findResourceServer,
  insertResourceServer,
  isResourceServer,
  listResourceServers,
  type ResourceServer,
  replaceCredential,
} from './resource-server-store.ts'

/** Credentials of resource servers: created and shown once, rotated, removed; each with its audit event. */
export type ResourceServerIdentity = { client_id: string; resource: string }
export type ResourceServerCredentials = ResourceServerIdentity & { client_secret: string }

const ID = /^[a-z0-9_-]{1,64}$/
/** Only characters that mean the same with and without form-encoding in HTTP Basic (RFC 6749 §2.3.1). */
const CHOSEN_SECRET = /^[A-Za-z0-9._-]{32,256}$/

/** A credential as it is kept, and what the audit log says of it. */
type NewCredential = Credential & { detail: DetailOf<'resource_server.created'> }
type Change = DetailOf<'resource_server.changed'>

function ofSecret(secret: string): NewCredential {
  return { credential_hash: sha256(secret), jwks: null, detail: { authentication: 'client_secret' } }
}

async function ofKeys(jwks: unknown): Promise<NewCredential> {
  const { document, credential_hash, thumbprints } = await registeredKeys(jwks)
  return { credential_hash, jwks: document, detail: { authentication: 'private_key_jwt', keys: thumbprints } }
}

function chosenSecret(secret: string): string {
  if (CHOSEN_SECRET.test(secret)) return secret
  throw new AppError('invalid_input', 'A secret of your own has 32 to 256 of A-Z, a-z, 0-9, `-`, `.` and `_`')
}

type AddRequest = { resource: string; id?: string | undefined }

/**
 * Registers a resource server for one resource. Without `secret` one is made, which is in the answer and nowhere
 * else. With the caller's own secret, doing the same again changes nothing, so that deployments can repeat it.
 */
export async function addResourceServer(
  dependencies: RecordingContext,
  request: AddRequest & { secret?: string | undefined },
  origin: ActionOrigin,
): Promise<ResourceServerCredentials> {
  const secret = request.secret === undefined ? generateSecret() : chosenSecret(request.secret)
  const { client_id, resource } = await add(dependencies, request, ofSecret(secret), origin)
  return { client_id, client_secret: secret, resource }
}

/**
 * Registers a resource server that authenticates with private_key_jwt by one of the public keys in `jwks` (RFC 7517).
 * The same again changes nothing. Throws `invalid_input` naming what is wrong with a key.
 */
export async function addResourceServerWithKeys(
  dependencies: RecordingContext,
  request: AddRequest & { jwks: unknown },
  origin: ActionOrigin,
): Promise<ResourceServerIdentity> {
  return add(dependencies, request, await ofKeys(request.jwks), origin)
}

async function add(
  dependencies: RecordingContext,
  request: AddRequest,
  { detail, ...credential }: NewCredential,
  origin: ActionOrigin,
): Promise<ResourceServerIdentity> {
  const resource = canonicalResource(request.resource)
  if (!resource) throw new AppError('invalid_input', 'A resource is an absolute http(s) URL without fragment')
  const id = request.id ?? `rs_${randomBytes(9).toString('hex')}`
  if (!ID.test(id)) throw new AppError('invalid_input', 'An id has 1 to 64 of a-z, 0-9, _ and -')
  const row = { id, resource, ...credential }
  return recorded(dependencies, origin, async (trx, record) => {
    const created = await insertResourceServer(trx, row)
    if (!created && !(await isResourceServer(trx, row)))
      throw new AppError(
        'conflict',
        `There is a resource server ${id} already; rotate its secret or keys instead`,
      )
    if (created) record({ type: 'resource_server.created', client_id: id, resource, detail })
    return { client_id: id, resource }
  })
}

/** Gives a resource server a new secret; the old one, or its keys, are refused from the next introspection on. */
export async function rotateResourceServerSecret(
  dependencies: RecordingContext,
  id: string,
  origin: ActionOrigin,
): Promise<ResourceServerCredentials> {
  const secret = generateSecret()
  const rotated = { ...ofSecret(secret), change: 'secret_rotated' } as const
  const { client_id, resource } = await rotate(dependencies, id, rotated, origin)
  return { client_id, client_secret: secret, resource }
}

/** Gives a resource server these public keys, and no others, from the next introspection on; a secret it had ends. */
export async function rotateResourceServerKeys(
  dependencies: RecordingContext,
  { id, jwks }: { id: string; jwks: unknown },
  origin: ActionOrigin,
): Promise<ResourceServerIdentity> {
  return rotate(dependencies, id, { ...(await ofKeys(jwks)), change: 'keys_rotated' }, origin)
}

async function rotate(
  dependencies: RecordingContext,
  id: string,
  { detail, change, ...kept }: NewCredential & Pick<Change, 'change'>,
  origin: ActionOrigin,
): Promise<ResourceServerIdentity> {
  return recorded(dependencies, origin, async (trx, record) => {
    const row = await replaceCredential(trx, id, kept)
    if (!row) throw new AppError('not_found', `There is no resource server ${id}`)
    const { resource } = row
    record({ type: 'resource_server.changed', client_id: id, resource, detail: { change, ...detail } })
    return { client_id: id, resource }
  })
}

export async function removeResourceServer(
  dependencies: RecordingContext,
  id: string,
  origin: ActionOrigin,
): Promise<void> {
  await recorded(dependencies, origin, async (trx, record) => {
    const row = await deleteResourceServer(trx, id)
    if (!row) throw new AppError('not_found', `There is no resource server ${id}`)
    const { resource } = row
    record({ type: 'resource_server.changed', client_id: id, resource, detail: { change: 'removed' } })
  })
}

/** Newest first. Throws `invalid_input` for an invalid cursor. */
export async function pageOfResourceServers(
  { db }: { db: Knex },
  page: PageWanted,
): Promise<{ resource_servers: ResourceServer[]; next?: string }> {
  const { rows, ...more } = await listResourceServers(db, page)
  return { resource_servers: rows, ...more }
}

/** Throws `not_found`. */
export async function showResourceServer({ db }: { db: Knex }, id: string): Promise<ResourceServer> {
  const found = await findResourceServer(db, id)
  if (!found) throw new AppError('not_found', `There is no resource server ${id}`)
  return found
}
