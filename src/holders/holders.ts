import type { Knex } from 'knex'
import { z } from 'zod'
import { AppError } from '../base/errors.ts'
import { type Catalogue, findResource, grantableScopes } from '../catalogue/catalogue.ts'
import type { CatalogueCache } from '../catalogue/catalogue-store.ts'
import { expandScopes, type Resource } from '../permission/scopes.ts'
import type { PageWanted } from '../storage/keyset.ts'
import {
  accountsInRoles,
  type ConsentedScopes,
  consentedScopes,
  holdingAccount,
  holdingAccounts,
  holdingGrant,
  newestHoldingGrants,
} from './holder-store.ts'

/** Who holds a scope: accounts, because a role of theirs does, and grants, because somebody consented. */
export type HolderDependencies = { db: Knex; catalogues: CatalogueCache }

/** Grants looked at for a count; of a resource that has more, the newest. */
const GRANTS_LOOKED_AT = 10_000

/** A count of live grants. */
export const grantCount = z.object({
  count: z.int(),
  exact: z.boolean().describe('False: there may be more; not all grants were looked at'),
})
export type GrantCount = z.infer<typeof grantCount>

/** The resource with this identifier in the catalogue in force. Throws `not_found`. */
export async function resourceInForce(
  { db, catalogues }: HolderDependencies,
  identifier: string,
): Promise<{ catalogue: Catalogue; resource: Resource }> {
  const catalogue = (await catalogues.current(db))?.catalogue
  const resource = catalogue && findResource(catalogue, identifier)
  if (!resource) throw new AppError('not_found', `The catalogue has no resource ${identifier}`)
  return { catalogue, resource }
}

/** The scope itself and all that include it, directly or not. */
function scopesThatGive(resource: Resource, scope: string): string[] {
  return resource.scopes.map(({ name }) => name).filter((name) => expandScopes(resource, [name]).has(scope))
}

/** The roles that hold the scope on the resource. */
export function rolesThatHold(catalogue: Catalogue, resource: Resource, scope: string): string[] {
  return catalogue.roles
    .map(({ name }) => name)
    .filter((name) => grantableScopes(catalogue, resource, [name]).has(scope))
}

/** How many live grants have each scope of the resource, included ones too. */
export function grantsByScope(
  resource: Resource,
  { counts, complete }: ConsentedScopes,
): Map<string, GrantCount> {
  const totals = new Map(resource.scopes.map(({ name }) => [name, 0]))
  for (const { scope, grants } of counts)
    for (const name of expandScopes(resource, scope.split(' ')))
      totals.set(name, (totals.get(name) ?? 0) + grants)
  return new Map([...totals].map(([name, count]) => [name, { count, exact: complete }]))
}

export async function grantCounts(db: Knex, resource: Resource): Promise<Map<string, GrantCount>> {
  const [consented] = await consentedScopes(db, [resource.resource], GRANTS_LOOKED_AT)
  return consented ? grantsByScope(resource, consented) : new Map()
}

export const holdersSchema = z.object({
  roles: z.array(z.string()).describe('Those that hold the scope'),
  accounts: z.array(holdingAccount),
  next: z.string().optional().describe('For the next page of accounts'),
  live_grants: grantCount,
  newest_grants: z.array(holdingGrant),
})
export type ScopeHolders = z.infer<typeof holdersSchema>

/** One page of the accounts that may hold the scope, and the newest grants that have it. Throws `not_found`, and `invalid_input` for an invalid cursor. */
export async function scopeHolders(
  dependencies: HolderDependencies,
  wanted: { resource: string; scope: string },
  page: PageWanted,
): Promise<ScopeHolders> {
  const { db } = dependencies
  const { catalogue, resource } = await resourceInForce(dependencies, wanted.resource)
  const scopes = scopesThatGive(resource, wanted.scope)
  if (scopes.length === 0)
    throw new AppError('not_found', `The resource ${resource.resource} has no scope ${wanted.scope}`)
  const roles = rolesThatHold(catalogue, resource, wanted.scope)
  const [{ rows: accounts, ...more }, counts, newest_grants] = await Promise.all([
    holdingAccounts.page(page, (wanted) => accountsInRoles(db, roles, wanted)),
    grantCounts(db, resource),
    newestHoldingGrants(
      db,
      { resource: resource.resource, scopes },
      { look_at: GRANTS_LOOKED_AT, limit: Math.min(page.limit, 50) },
    ),
  ])
  return {
    roles,
    accounts,
    ...more,
    live_grants: counts.get(wanted.scope) ?? { count: 0, exact: true },
    newest_grants,
  }
}
