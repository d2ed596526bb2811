import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import type { ActionOrigin } from '../audit/log/action-origin.ts'
import type { AuditLog } from '../audit/log/audit-log.ts'
import { recorded } from '../audit/log/recorded.ts'
import { actorText, SERVER } from '../audit-chain/actor.ts'
import { sha256 } from '../base/digest.ts'
import { AppError } from '../base/errors.ts'
import { findResource } from '../catalogue/catalogue.ts'
import type { CatalogueCache } from '../catalogue/catalogue-store.ts'
import { makePersonalAccessToken, PERSONAL_CLIENT_ID } from './personal-access-token.ts'
import { scopesOfTokenRole, type TokenRole } from './personal-token-scopes.ts'
import {
  claimExpiring,
  countLive,
  type DeletedToken,
  deletePersonalToken,
  insertPersonalToken,
  type LockedToken,
  lockOwner,
  lockPersonalToken,
  replaceValue,
  type TokenName,
} from './personal-token-store.ts'

/**
 * Personal access tokens: for one account, one resource and one role, shown once, always expiring, rotated with an
 * overlap, revoked at once. `account_id` in a name keeps people to their own; operators leave it out.
 */
export type PersonalTokenDependencies = { db: Knex; audit: AuditLog; catalogues: CatalogueCache }

export const TOKEN_DAYS_MAX = 365
export const TOKEN_DAYS_DEFAULT = 90
export const TOKEN_NAME_MAX = 64
export const OVERLAP_HOURS_MAX = 168
export const OVERLAP_HOURS_DEFAULT = 24
export const EXPIRING_DAYS = 7
export const LIVE_TOKENS_MAX = 50

const HOUR_SECONDS = 3_600
const DAY_SECONDS = 24 * HOUR_SECONDS
const NOTICES_MAX = 500

export type TokenRequest = {
  /** A username or the id of an account. */
  account: string
  resource: string
  role: TokenRole
  /** For the role `custom`, and empty for the others. */
  scopes: readonly string[]
  name: string
  days: number
}

function checkedSeconds(days: number): number {
  if (!Number.isInteger(days) || days < 1 || days > TOKEN_DAYS_MAX)
    throw new AppError('invalid_input', `A personal access token lives 1 to ${TOKEN_DAYS_MAX} days`)
  return days * DAY_SECONDS
}

function checkedName(name: string): string {
  const trimmed = name.trim()
  if (trimmed === '' || trimmed.length > TOKEN_NAME_MAX || !trimmed.isWellFormed() || /\p{Cc}/u.test(trimmed))
    throw new AppError('invalid_input', `A name has 1 to ${TOKEN_NAME_MAX} characters in one line`)
  return trimmed
}

type Recorded = Omit<DeletedToken, 'name'>

/** What every event of a token says. */
function columnsOf({ id, account_id, resource, scope }: Recorded) {
  return { account_id, client_id: PERSONAL_CLIENT_ID, resource, scope, grant_id: id }
}

/**
 * Makes a token. Answers its id and, this once, the token itself. Throws `invalid_input` for what cannot be a token of
 * this account, `not_found` without such an active account, `conflict` when it has as many as it may.
 */
export async function createPersonalToken(
  dependencies: PersonalTokenDependencies,
  request: TokenRequest,
  origin: ActionOrigin,
): Promise<{ id: string; token: string }> {
  const name = checkedName(request.name)
  const ttl_seconds = checkedSeconds(request.days)
  const current = await dependencies.catalogues.current(dependencies.db)
  const resource = current && findResource(current.catalogue, request.resource)
  if (!resource) throw new AppError('invalid_input', 'There is no such resource in the catalogue')
  return recorded(dependencies, origin, async (trx, record) => {
    const owner = await lockOwner(trx, request.account)
    if (!owner) throw new AppError('not_found', 'There is no active account of this name or id')
    const { role, scopes: named } = request
    const scope = scopesOfTokenRole(current.catalogue, resource, owner.roles, { role, named }).join(' ')
    const place = { account_id: owner.id, resource: resource.resource }
    if ((await countLive(trx, { ...place, max: LIVE_TOKENS_MAX })) >= LIVE_TOKENS_MAX)
      throw new AppError(
        'conflict',
        `The account has ${LIVE_TOKENS_MAX} tokens for ${resource.name} already; revoke one that is not needed`,
      )
    const token = makePersonalAccessToken()
    const value = { id: sha256(token), ttl_seconds }
    const row = { id: `pat_${randomBytes(16).toString('hex')}`, ...place, scope, name, role }
    await insertPersonalToken(trx, {
      ...row,
      created_by: actorText(origin.actor.kind, origin.actor.id),
      value,
      catalogue_version: current.version,
    })
    const token_id = value.id.toString('base64url')
    const detail = { name, role, days: request.days }
    record({ type: 'personal_token.created', ...columnsOf(row), token_id, detail })
    return { id: row.id, token }
  })
}

export type Rotation = {
  /** How long the value before lives on, though not longer than it would have. */
  overlap_hours: number
  /** How long the new value lives; as long as the one before was given when absent. */
  days?: number | undefined
  /** The id of the value to replace; with it, a rotation that comes second does nothing. */
  value_id?: string | undefined
}

function checkOverlap(hours: number): number {
  if (!Number.isInteger(hours) || hours < 0 || hours > OVERLAP_HOURS_MAX)
    throw new AppError('invalid_input', `The overlap is 0 to ${OVERLAP_HOURS_MAX} hours`)
  return hours * HOUR_SECONDS
}

function assertNewest({ newest_value }: LockedToken, value_id: string | undefined): void {
  if (value_id !== undefined && value_id !== newest_value.toString('base64url'))
    throw new AppError('conflict', 'This token was rotated meanwhile; only its newest value can be')
}

/**
 * Gives a token a new value, shown this once. Throws `not_found` for a token that is not live, `conflict` when
 * `value_id` is not the newest value.
 */
export async function rotatePersonalToken(
  dependencies: Omit<PersonalTokenDependencies, 'catalogues'>,
  named: TokenName,
  { overlap_hours, days, value_id }: Rotation,
  origin: ActionOrigin,
): Promise<{ id: string; token: string }> {
  const overlap_seconds = checkOverlap(overlap_hours)
  const chosen_seconds = days === undefined ? undefined : checkedSeconds(days)
  return recorded(dependencies, origin, async (trx, record) => {
    const before = await lockPersonalToken(trx, named)
    if (!before) throw new AppError('not_found', 'There is no such live personal access token')
    assertNewest(before, value_id)
    const token = makePersonalAccessToken()
    const value = { id: sha256(token), ttl_seconds: chosen_seconds ?? before.ttl_seconds }
    await replaceValue(trx, before, { value, overlap_seconds })
    const token_id = value.id.toString('base64url')
    const detail = {
      name: before.name,
      replaced_token_id: before.newest_value.toString('base64url'),
      overlap_hours,
      days: Math.round(value.ttl_seconds / DAY_SECONDS),
    }
    record({ type: 'personal_token.rotated', ...columnsOf(before), token_id, detail })
    return { id: before.id, token }
  })
}

/** Ends all values of a token at once. Revoking what is gone is no error; the answer names what this call revoked. */
export async function revokePersonalToken(
  dependencies: Omit<PersonalTokenDependencies, 'catalogues'>,
  named: TokenName,
  origin: ActionOrigin,
): Promise<{ revoked: string[] }> {
  return recorded(dependencies, origin, async (trx, record) => {
    const gone = await deletePersonalToken(trx, named)
    if (!gone) return { revoked: [] }
    record({ type: 'personal_token.revoked', ...columnsOf(gone), detail: { name: gone.name } })
    return { revoked: [gone.id] }
  })
}

/** Records once of each token that it expires within days. Answers how many it recorded; ask again until none. */
export async function noticeExpiring(
  dependencies: Omit<PersonalTokenDependencies, 'catalogues'>,
): Promise<number> {
  return recorded(dependencies, { actor: SERVER }, async (trx, record) => {
    const due = await claimExpiring(trx, { days: EXPIRING_DAYS, max: NOTICES_MAX })
    for (const token of due) {
      const detail = { name: token.name, expires_at: token.expires_at.toISOString() }
      record({ type: 'personal_token.expiring', ...columnsOf(token), detail })
    }
    return due.length
  })
}
