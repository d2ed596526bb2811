import { type Catalogue, findResource, grantableScopes } from '../../catalogue/catalogue.ts'
import { effectiveScopes, type Resource } from '../../permission/scopes.ts'
import type { LiveToken } from './token-lookup.ts'

/** What a token amounts to under a catalogue: its resource and the scopes that count now. */
export type Standing = { resource: Resource; effective: readonly string[]; scope: string }

type Claims = Pick<LiveToken, 'resource' | 'scope' | 'grant_scope' | 'roles'>

// A catalogue never changes once it is built, and few combinations of scopes and roles are in use at a time.
const computed = new WeakMap<Catalogue, Map<string, Standing | undefined>>()
const KEPT_MAX = 1_000

/**
 * Asked ∩ consented ∩ the account's roles, each with what its scopes include. Undefined when the catalogue does not
 * have the token's resource. Pure; remembers the combinations it has met.
 */
export function standingOf(catalogue: Catalogue, claims: Claims): Standing | undefined {
  const { resource, scope, grant_scope, roles } = claims
  // Postgres text holds no NUL, so no two combinations share a key.
  const key = [resource, scope, grant_scope, ...roles].join('\0')
  const known = computed.get(catalogue)
  if (known?.has(key)) return known.get(key)
  const standing = compute(catalogue, claims)
  if (known && known.size < KEPT_MAX) known.set(key, standing)
  else computed.set(catalogue, new Map([[key, standing]]))
  return standing
}

function compute(catalogue: Catalogue, claims: Claims): Standing | undefined {
  const resource = findResource(catalogue, claims.resource)
  if (!resource) return undefined
  const effective = effectiveScopes(
    resource,
    claims.scope.split(' '),
    claims.grant_scope.split(' '),
    grantableScopes(catalogue, resource, claims.roles),
  )
  return { resource, effective, scope: effective.join(' ') }
}
