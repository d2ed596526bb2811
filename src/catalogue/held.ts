import { growthOf, type Held, type Seen } from '../permission/consented.ts'
import { effectiveScopes, type Resource } from '../permission/scopes.ts'
import { type Catalogue, findResource, grantableScopes } from './catalogue.ts'

/** The catalogue in force, and those that people consented under. A version never changes. */
export type CatalogueHistory = {
  readonly now: Catalogue
  /** Undefined for a version that never was. */
  at(version: number): Catalogue | undefined
}

/** What a grant says, with the roles that its account has now. */
export type Consented = {
  resource: string
  /** Separated by spaces. */
  scope: string
  /** For each of its scopes the version of the catalogue that the person saw. */
  scope_versions: readonly number[]
}

/**
 * What a grant amounts to now: what was asked for, consented to and held by role, each with what its scopes include; no
 * more of it than the person saw. `asked` are the scopes of a token that its client narrowed. Undefined when the
 * catalogue does not have the resource. Pure.
 */
export function heldBy(
  history: CatalogueHistory,
  { resource: identifier, ...consented }: Consented,
  roles: readonly string[],
  asked = consented.scope,
): (Held & { scopes: string[] }) | undefined {
  const resource = findResource(history.now, identifier)
  if (!resource) return undefined
  const wanted = asked.split(' ')
  const grantable = grantableScopes(history.now, resource, roles)
  const effective = effectiveScopes(resource, wanted, consented.scope.split(' '), grantable)
  const seen = seenBy(history, resource, consented, wanted)
  if (!seen) return { resource, effective, scopes: effective }
  const names = new Set(seen.flatMap(({ scopes }) => scopes))
  const scopes = effective.filter((name) => names.has(name))
  const held = { resource, effective, seen }
  const is_all_seen = scopes.length === effective.length && growthOf(held).length === 0
  return is_all_seen ? { resource, effective, scopes } : { ...held, scopes }
}

/** Undefined where everything was seen as the catalogue has it now. */
function seenBy(
  { now, at }: CatalogueHistory,
  { resource }: Resource,
  { scope, scope_versions }: Omit<Consented, 'resource'>,
  wanted: readonly string[],
): Seen[] | undefined {
  const names = scope.split(' ')
  const by_version = Map.groupBy(names, (_, index) => scope_versions[index] ?? 0)
  const catalogues = [...by_version].map(([version, granted]) => ({ shown: at(version), granted }))
  if (catalogues.every(({ shown }) => shown === now)) return undefined
  return catalogues.flatMap(({ shown, granted }) => {
    const as_seen = shown && findResource(shown, resource)
    // What the client gave up by asking for less does not come back by another scope.
    return as_seen ? [{ resource: as_seen, scopes: effectiveScopes(as_seen, wanted, granted) }] : []
  })
}
