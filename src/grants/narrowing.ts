import type { ActionOrigin } from '../audit/log/action-origin.ts'
import { type RecordingContext, recorded } from '../audit/log/recorded.ts'
import { AppError } from '../base/errors.ts'
import { findResource } from '../catalogue/catalogue.ts'
import type { CatalogueCache } from '../catalogue/catalogue-store.ts'
import type { Resource } from '../permission/scopes.ts'
import { tickedScopes } from '../permission/ticks.ts'
import { type GrantRow, type HeldGrant, holdGrant, replaceScope } from './grant-store.ts'

export type Narrowing = {
  id: string
  /** Set when only a grant of this account is meant. */
  account_id?: string | undefined
  /** All that stay; what includes another one of the grant goes with that one. */
  scopes: readonly string[]
}

/**
 * Takes scopes away from a grant, for good: the next introspection and every refresh give no more than what stays.
 * Answers the grant's scope after it; asking for what it is already changes and records nothing. Throws `not_found`,
 * `invalid_input` when nothing would stay or a scope is none of the grant's, `conflict` when it changed meanwhile.
 */
export async function narrowGrant(
  dependencies: RecordingContext & { catalogues: CatalogueCache },
  { id, account_id: owner, scopes }: Narrowing,
  origin: ActionOrigin,
): Promise<{ id: string; scope: string; removed: string[] }> {
  const catalogue = (await dependencies.catalogues.current(dependencies.db))?.catalogue
  return recorded(dependencies, origin, async (trx, record) => {
    const grant = await holdGrant(trx, id, owner)
    if (!grant) throw new AppError('not_found', `There is no grant ${id}`)
    const resource_now = catalogue && findResource(catalogue, grant.resource ?? '')
    const { kept, removed } = divide(grant, resource_now, scopes)
    const scope = kept.join(' ')
    if (removed.length === 0) return { id, scope, removed }
    const payload = narrowedPayload(grant, scope)
    const scope_versions = versionsOf(grant, kept)
    if (!(await replaceScope(trx, id, { from: grant.scope, to: scope, scope_versions, payload })))
      throw new AppError('conflict', 'The grant was changed meanwhile; look at it again')
    const { account_id, client_id } = grant
    const resource = grant.resource ?? undefined
    const columns = { account_id, client_id, resource, scope, grant_id: id }
    record({ type: 'grant.narrowed', ...columns, detail: { removed } })
    return { id, scope, removed }
  })
}

function divide(
  { scope }: GrantRow,
  resource: Resource | undefined,
  scopes: readonly string[],
): { kept: string[]; removed: string[] } {
  const granted = scope.split(' ')
  if (scopes.length === 0)
    throw new AppError('invalid_input', 'At least one scope must stay; to take all away, revoke the grant')
  if (scopes.some((name) => !granted.includes(name)))
    throw new AppError('invalid_input', 'A grant can only lose scopes: name those of its own that stay')
  const kept = tickedScopes(resource, granted, scopes)
  if (kept.length === 0)
    throw new AppError(
      'invalid_input',
      `Nothing would stay: ${scopes.join(' ')} includes what is taken away. Keep that too, or revoke the grant`,
    )
  return { kept, removed: granted.filter((name) => !kept.includes(name)) }
}

/** What stays was seen when it was: narrowing is no consent to what came since. */
function versionsOf({ scope, scope_versions }: HeldGrant, kept: readonly string[]): number[] {
  const names = scope.split(' ')
  return kept.map((name) => scope_versions[names.indexOf(name)] ?? 0)
}

/** What the engine reads at every refresh; a grant that no client was given has nothing there. */
function narrowedPayload({ resource, payload }: GrantRow, scope: string): Record<string, unknown> {
  if (resource === null || payload.resources === undefined) return payload
  return { ...payload, resources: { [resource]: scope } }
}
