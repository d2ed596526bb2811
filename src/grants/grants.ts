import type { Knex } from 'knex'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { recorded } from '../audit/recorded.ts'
import { AppError } from '../errors.ts'
import {
  deleteMatchingGrants,
  type GrantFilter,
  type GrantView,
  listGrants,
  listRefreshTokens,
  type RefreshTokenView,
  type RevokedGrant,
} from './grant-store.ts'

/**
 * What operators do with grants and refresh tokens. The command line and the API call these functions and no
 * other: a revocation and its audit event commit in one transaction, and the next introspection on any
 * instance answers inactive.
 */
export type GrantDependencies = { db: Knex; audit: AuditLog }

export type Revocation = { actor: string; reason?: string | undefined; request_id?: string | undefined }

const PAGE_MAX = 500

export function pageOfGrants(
  { db }: GrantDependencies,
  filter: GrantFilter,
  page: { limit?: number | undefined; before?: string | undefined } = {},
): Promise<GrantView[]> {
  return listGrants(db, filter, { limit: Math.min(page.limit ?? 50, PAGE_MAX), before: page.before })
}

/** One grant with its live refresh tokens. Throws `not_found`. */
export async function showGrant(
  { db }: GrantDependencies,
  id: string,
): Promise<GrantView & { live_refresh_tokens: RefreshTokenView[] }> {
  const [grant] = await listGrants(db, { id }, { limit: 1 })
  if (!grant) throw new AppError('not_found', `There is no grant ${id}`)
  return { ...grant, live_refresh_tokens: await listRefreshTokens(db, { id }, { limit: PAGE_MAX }) }
}

export function pageOfRefreshTokens(
  { db }: GrantDependencies,
  filter: GrantFilter,
  page: { limit?: number | undefined } = {},
): Promise<RefreshTokenView[]> {
  return listRefreshTokens(db, filter, { limit: Math.min(page.limit ?? 50, PAGE_MAX) })
}

/** The audit event of one revoked grant. */
export function grantRevoked(grant: RevokedGrant, revocation: Revocation): AuditEvent {
  const { reason } = revocation
  return {
    type: 'grant.revoked',
    actor: revocation.actor,
    account_id: grant.account_id,
    client_id: grant.client_id,
    resource: grant.resource ?? undefined,
    scope: grant.scope,
    grant_id: grant.id,
    request_id: revocation.request_id,
    ...(reason === undefined ? {} : { detail: { reason } }),
  }
}

function isEmpty(filter: GrantFilter): boolean {
  return Object.values(filter).every((value) => value === undefined)
}

/**
 * Revokes every grant that matches, with all its codes and tokens. Revoking what is gone already is no error:
 * the answer is the list of grants that this call revoked. Throws `invalid_input` without any condition.
 */
export async function revokeGrants(
  { db, audit }: GrantDependencies,
  filter: GrantFilter,
  revocation: Revocation,
): Promise<{ revoked: string[] }> {
  if (isEmpty(filter))
    throw new AppError('invalid_input', 'Name what to revoke: a grant, an account, a client or a resource')
  return recorded(db, audit, async (trx) => {
    const gone = await deleteMatchingGrants(trx, filter)
    const events = gone.map((grant) => grantRevoked(grant, revocation))
    return { result: { revoked: gone.map((grant) => grant.id) }, events }
  })
}

/**
 * Revokes one refresh token by its id (the base64url SHA-256 that lists show). A refresh token is the root of
 * its family, so its grant goes with it: nothing issued from it may live on.
 */
export async function revokeRefreshToken(
  dependencies: GrantDependencies,
  token_id: string,
  revocation: Revocation,
): Promise<{ revoked: string[] }> {
  const digest = Buffer.from(token_id, 'base64url')
  if (digest.length !== 32)
    throw new AppError('invalid_input', 'A refresh token id is 43 base64url characters')
  const [token] = await listRefreshTokens(dependencies.db, { token_id: digest }, { limit: 1 })
  if (!token) return { revoked: [] }
  return revokeGrants(dependencies, { id: token.grant_id }, revocation)
}
