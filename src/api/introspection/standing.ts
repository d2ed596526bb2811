import type { Catalogue } from '../../catalogue/catalogue.ts'
import { type CatalogueHistory, heldBy } from '../../catalogue/held.ts'
import type { Held } from '../../permission/consented.ts'
import type { LiveToken } from './token-lookup.ts'

/** What a token amounts to under the catalogue in force: what it holds, and its scopes as they are answered. */
export type Standing = Held & { scope: string }

type Claims = Pick<LiveToken, 'resource' | 'scope' | 'grant_scope' | 'scope_versions' | 'roles'>

// A catalogue never changes once it is built, and few combinations of scopes, versions and roles are in use at a time.
const computed = new WeakMap<Catalogue, Map<string, Standing | undefined>>()
const KEPT_MAX = 1_000

/** Undefined when the catalogue does not have the token's resource. Pure; remembers the combinations it has met. */
export function standingOf(history: CatalogueHistory, claims: Claims): Standing | undefined {
  const { resource, scope, grant_scope, scope_versions, roles } = claims
  // Postgres text holds no NUL, so no two combinations share a key.
  const key = [resource, scope, grant_scope, scope_versions, ...roles].join('\0')
  const known = computed.get(history.now)
  if (known?.has(key)) return known.get(key)
  const standing = compute(history, claims)
  if (known && known.size < KEPT_MAX) known.set(key, standing)
  else computed.set(history.now, new Map([[key, standing]]))
  return standing
}

function compute(history: CatalogueHistory, claims: Claims): Standing | undefined {
  const { resource, scope, grant_scope, scope_versions, roles } = claims
  const held = heldBy(history, { resource, scope: grant_scope, scope_versions }, roles, scope)
  return held && { ...held, scope: held.scopes.join(' ') }
}
