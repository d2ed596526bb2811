import type { ActionOrigin } from '../audit/log/action-origin.ts'
import { type RecordingContext, recorded } from '../audit/log/recorded.ts'
import { AppError } from '../base/errors.ts'
import type { PageWanted } from '../storage/keyset.ts'
import { listToolUses, type ToolUse } from '../usage/usage-store.ts'
import {
  type GrantView,
  listGrants,
  listRefreshTokens,
  type PageOf,
  type RefreshTokenView,
} from './grant-list-store.ts'
import { deleteMatchingGrants, type GrantFilter, type RevokedGrant } from './grant-store.ts'

/**
 * What operators do with grants and refresh tokens. The command line and the API call these functions and no
 * other: a revocation and its audit event commit in one transaction, and the next introspection on any
 * instance answers inactive.
 */
const PAGE_ROWS = 50
const LIVE_TOKENS_SHOWN = 500

/** Of one transaction: so many fit well within what a statement may take, and within memory with their events. */
export const REVOKED_PER_TRANSACTION = 10_000

/** Throws `invalid_input` for an invalid cursor. */
export function pageOfGrants(
  { db }: Pick<RecordingContext, 'db'>,
  filter: GrantFilter,
  page: Partial<PageWanted> & { before?: string | undefined } = {},
): Promise<PageOf<'grants', GrantView>> {
  return listGrants(db, filter, { limit: PAGE_ROWS, ...page })
}

/** One grant with its live refresh tokens and the tools that were called by it. Throws `not_found`. */
export async function showGrant(
  { db }: Pick<RecordingContext, 'db'>,
  id: string,
): Promise<GrantView & { live_refresh_tokens: RefreshTokenView[]; tools_used: ToolUse[] }> {
  const {
    grants: [grant],
  } = await listGrants(db, { id }, { limit: 1 })
  if (!grant) throw new AppError('not_found', `There is no grant ${id}`)
  const { refresh_tokens } = await listRefreshTokens(db, { id }, { limit: LIVE_TOKENS_SHOWN })
  return { ...grant, live_refresh_tokens: refresh_tokens, tools_used: await listToolUses(db, id) }
}

/** Throws `invalid_input` for an invalid cursor. */
export function pageOfRefreshTokens(
  { db }: Pick<RecordingContext, 'db'>,
  filter: GrantFilter,
  page: Partial<PageWanted> = {},
): Promise<PageOf<'refresh_tokens', RefreshTokenView>> {
  return listRefreshTokens(db, filter, { limit: PAGE_ROWS, ...page })
}

/** The audit event of one revoked grant. */
export function grantRevoked(grant: RevokedGrant, reason?: string) {
  return {
    type: 'grant.revoked',
    account_id: grant.account_id,
    client_id: grant.client_id,
    resource: grant.resource ?? undefined,
    scope: grant.scope,
    grant_id: grant.id,
    detail: reason === undefined ? {} : { reason },
  } as const
}

/** Throws `invalid_input` for a filter without any condition, which would mean everything. */
export function assertNarrowed({ refreshable: _, ...filter }: GrantFilter): void {
  if (Object.values(filter).every((value) => value === undefined))
    throw new AppError(
      'invalid_input',
      'Name what to revoke: grants, an account, a client, a resource, a scope, or since when they are unused',
    )
}

/**
 * Revokes every grant that matches, with all its codes and tokens: 10,000 in one transaction, what is more in further
 * ones, so that whatever fails leaves nothing half done and can be asked for again. Revoking what is gone already is no
 * error: the answer is the list of grants that this call revoked. Throws `invalid_input` without any condition.
 */
export async function revokeGrants(
  dependencies: RecordingContext,
  filter: GrantFilter,
  origin: ActionOrigin,
): Promise<{ revoked: string[] }> {
  assertNarrowed(filter)
  const revoked: string[] = []
  for (;;) {
    const ids = await recorded(dependencies, origin, async (trx, record) => {
      const gone = await deleteMatchingGrants(trx, filter, REVOKED_PER_TRANSACTION)
      for (const grant of gone) record(grantRevoked(grant))
      return gone.map(({ id }) => id)
    })
    for (const id of ids) revoked.push(id)
    if (ids.length < REVOKED_PER_TRANSACTION) return { revoked }
  }
}

/**
 * Revokes every refresh token of the grants that match. A refresh token is the root of its family, so its grant goes with
 * it: nothing issued from it may live on. Grants without one live on.
 */
export function revokeRefreshTokens(
  dependencies: RecordingContext,
  filter: GrantFilter,
  origin: ActionOrigin,
): Promise<{ revoked: string[] }> {
  return revokeGrants(dependencies, { ...filter, refreshable: true }, origin)
}
