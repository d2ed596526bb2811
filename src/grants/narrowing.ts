import type { ActionOrigin } from '../audit/log/action-origin.ts'
import { type RecordingContext, recorded } from '../audit/log/recorded.ts'
import { AppError } from '../base/errors.ts'
import { type GrantRow, holdGrant, replaceScope } from './grant-store.ts'

export type Narrowing = {
  id: string
  /** Set when only a grant of this account is meant. */
  account_id?: string | undefined
  /** All that stay. */
  scopes: readonly string[]
}

/**
 * Takes scopes away from a grant, for good: the next introspection and every refresh give no more than what stays.
 * Answers the grant's scope after it; asking for what it is already changes and records nothing. Throws `not_found`,
 * `invalid_input` when nothing would stay or a scope is none of the grant's, `conflict` when it changed meanwhile.
 */
export async function narrowGrant(
  dependencies: RecordingContext,
  { id, account_id: owner, scopes }: Narrowing,
  origin: ActionOrigin,
): Promise<{ id: string; scope: string; removed: string[] }> {
  return recorded(dependencies, origin, async (trx, record) => {
    const grant = await holdGrant(trx, id, owner)
    if (!grant) throw new AppError('not_found', `There is no grant ${id}`)
    const { kept, removed } = divide(grant, scopes)
    const scope = kept.join(' ')
    if (removed.length === 0) return { id, scope, removed }
    const payload = narrowedPayload(grant, scope)
    if (!(await replaceScope(trx, id, { from: grant.scope, to: scope, payload })))
      throw new AppError('conflict', 'The grant was changed meanwhile; look at it again')
    const { account_id, client_id } = grant
    const resource = grant.resource ?? undefined
    const columns = { account_id, client_id, resource, scope, grant_id: id }
    record({ type: 'grant.narrowed', ...columns, detail: { removed } })
    return { id, scope, removed }
  })
}

function divide({ scope }: GrantRow, scopes: readonly string[]): { kept: string[]; removed: string[] } {
  const granted = scope.split(' ')
  const wanted = new Set(scopes)
  if (wanted.size === 0)
    throw new AppError('invalid_input', 'At least one scope must stay; to take all away, revoke the grant')
  if ([...wanted].some((name) => !granted.includes(name)))
    throw new AppError('invalid_input', 'A grant can only lose scopes: name those of its own that stay')
  return {
    kept: granted.filter((name) => wanted.has(name)),
    removed: granted.filter((name) => !wanted.has(name)),
  }
}

/** What the engine reads at every refresh; a grant that no client was given has nothing there. */
function narrowedPayload({ resource, payload }: GrantRow, scope: string): Record<string, unknown> {
  if (resource === null || payload.resources === undefined) return payload
  return { ...payload, resources: { [resource]: scope } }
}
