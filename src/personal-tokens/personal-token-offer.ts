import type { Knex } from 'knex'
import { AppError } from '../base/errors.ts'
import { type Catalogue, findResource, grantableScopes } from '../catalogue/catalogue.ts'
import type { CatalogueCache } from '../catalogue/catalogue-store.ts'
import { type Resource, type Scope, toolsForScopes } from '../permission/scopes.ts'
import { scopesOfTokenRole, type TokenRole } from './personal-token-scopes.ts'
import { findOwner } from './personal-token-store.ts'

/** What a personal access token of an account can be for, to choose from. */
export type TokenOffer = {
  account_id: string
  username: string
  /** On which its roles hold something. */
  resources: { resource: string; name: string }[]
  /** The one that was named, or the only one. */
  chosen?: ResourceOffer
}

export type ResourceOffer = {
  resource: string
  name: string
  /** The tools that each role opens; a role that would open nothing is missing. */
  roles: { role: Exclude<TokenRole, 'custom'>; tools: string[] }[]
  scopes: (Pick<Scope, 'name' | 'description' | 'prompts' | 'resources'> & {
    tools: string[]
    destructive: boolean
  })[]
}

function toolsOfRole(
  catalogue: Catalogue,
  resource: Resource,
  account_roles: readonly string[],
  role: TokenRole,
): string[] | undefined {
  try {
    return toolsForScopes(
      resource,
      scopesOfTokenRole(catalogue, resource, account_roles, { role, named: [] }),
    )
  } catch (error) {
    if (error instanceof AppError) return undefined
    throw error
  }
}

function offerOf(catalogue: Catalogue, resource: Resource, account_roles: readonly string[]): ResourceOffer {
  const grantable = grantableScopes(catalogue, resource, account_roles)
  return {
    resource: resource.resource,
    name: resource.name,
    roles: (['read-only', 'write'] as const).flatMap((role) => {
      const tools = toolsOfRole(catalogue, resource, account_roles, role)
      return tools ? [{ role, tools }] : []
    }),
    scopes: resource.scopes
      .filter(({ name }) => grantable.has(name))
      .map(({ name, description, tools, prompts, resources, risk }) => ({
        name,
        description,
        ...(prompts ? { prompts } : {}),
        ...(resources ? { resources } : {}),
        tools: [...tools],
        destructive: risk === 'destructive',
      })),
  }
}

/** Throws `not_found` without an active account of this name or id. A resource that is not offered is not chosen. */
export async function offerPersonalToken(
  { db, catalogues }: { db: Knex; catalogues: CatalogueCache },
  { account, resource }: { account: string; resource?: string | undefined },
): Promise<TokenOffer> {
  const owner = await findOwner(db, account)
  if (!owner) throw new AppError('not_found', 'There is no active account of this name or id')
  const catalogue = (await catalogues.current(db))?.catalogue ?? { resources: [], roles: [] }
  const held = catalogue.resources.filter((each) => grantableScopes(catalogue, each, owner.roles).size > 0)
  const named = resource === undefined ? undefined : findResource({ ...catalogue, resources: held }, resource)
  const chosen = named ?? (held.length === 1 ? held[0] : undefined)
  return {
    account_id: owner.id,
    username: owner.username,
    resources: held.map(({ resource, name }) => ({ resource, name })),
    ...(chosen && { chosen: offerOf(catalogue, chosen, owner.roles) }),
  }
}
