import type { Knex } from 'knex'
import { type Client, errors, type KoaContextWithOIDC, type ResourceServer } from 'oidc-provider'
import { findActiveAccount } from '../accounts/account-store.ts'
import { type Catalogue, findResource, grantableScopes, publishedResources } from '../catalogue/catalogue.ts'
import type { CatalogueCache } from '../catalogue/catalogue-store.ts'
import { findOrigin } from '../clients/client-store.ts'
import { connectionFor, currentUnit } from './tokens/unit-of-work.ts'

/** Toolgate's own resource gives everything: anybody can register a client, and call it what they like. */
const SELF_REGISTERED =
  'only a client that an operator added may ask for this resource; add one with: toolgate clients add'

/** RFC 8707: which scopes a token for a resource may have, for the account of this request, at this moment. */
export type ResourceDependencies = { db: Knex; catalogues: CatalogueCache; access_token_ttl_seconds: number }

/** The catalogue that this request is decided by: a refresh has read which one is in force. */
export async function catalogueInForce(
  { db, catalogues }: Pick<ResourceDependencies, 'db' | 'catalogues'>,
  connection: () => Promise<Knex> = () => connectionFor(db),
): Promise<Catalogue | undefined> {
  const version = currentUnit()?.foreseen?.state.catalogue_version
  if (version === undefined) return (await catalogues.current(await connection()))?.catalogue
  return version === 0 ? undefined : catalogues.at(db, version)
}

async function rolesOf(ctx: KoaContextWithOIDC, db: Knex): Promise<string[] | undefined> {
  const { account, session } = ctx.oidc
  if (account && 'roles' in account && Array.isArray(account.roles)) return account.roles
  if (!session?.accountId) return undefined
  return (await findActiveAccount(db, session.accountId))?.roles ?? []
}

function identifiersOf(catalogue: Catalogue): string[] {
  return publishedResources(catalogue).map(({ resource }) => resource)
}

/**
 * The engine's `getResourceServerInfo`: before anybody signed in, every scope of the resource; afterwards those
 * that the account's roles hold, evaluated again at every token request. Throws `invalid_target`.
 */
export function resourceServerInfo(dependencies: ResourceDependencies) {
  return async (ctx: KoaContextWithOIDC, identifier: string, client: Client): Promise<ResourceServer> => {
    const { db, access_token_ttl_seconds } = dependencies
    const { resource: asked } = ctx.oidc.params ?? {}
    if (Array.isArray(asked) && asked.length > 1)
      throw new errors.InvalidTarget('ask for one resource at a time')
    const catalogue = await catalogueInForce(dependencies)
    const resource = catalogue && findResource(catalogue, identifier)
    if (!catalogue || !resource) {
      const known = catalogue ? identifiersOf(catalogue).join(' ') : 'none'
      throw new errors.InvalidTarget(`this resource is not known here; known: ${known}`)
    }
    if (resource.built_in && (await findOrigin(await connectionFor(db), client.clientId)) !== 'operator')
      throw new errors.InvalidTarget(SELF_REGISTERED)
    const roles = await rolesOf(ctx, db)
    const scopes = roles
      ? [...grantableScopes(catalogue, resource, roles)]
      : resource.scopes.map((scope) => scope.name)
    return {
      scope: scopes.join(' '),
      audience: resource.resource,
      accessTokenFormat: 'opaque',
      accessTokenTTL: access_token_ttl_seconds,
    }
  }
}

/** Asked when a request names no resource: the one its grant has, else a refusal that names the choices. */
export function defaultResource(dependencies: ResourceDependencies) {
  return async (_ctx: KoaContextWithOIDC, _client: unknown, one_of?: readonly string[]): Promise<string> => {
    const [first, ...others] = one_of ?? []
    if (first !== undefined && others.length === 0) return first
    const catalogue = await catalogueInForce(dependencies)
    const known = one_of ?? (catalogue ? identifiersOf(catalogue) : [])
    throw new errors.InvalidTarget(`name a resource; known: ${known.join(' ')}`)
  }
}
