import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import type { ActionOrigin } from '../audit/log/action-origin.ts'
import { type RecordingContext, recorded } from '../audit/log/recorded.ts'
import { actorText } from '../audit-chain/actor.ts'
import { sha256 } from '../base/digest.ts'
import { AppError } from '../base/errors.ts'
import { generateSecret } from '../clients/client-secret.ts'
import type { PageWanted } from '../storage/keyset.ts'
import { OPERATOR_SCOPES, type OperatorScope } from './operator-scopes.ts'
import {
  deleteOperatorToken,
  insertOperatorToken,
  listOperatorTokens,
  type OperatorTokenView,
} from './operator-token-store.ts'

/** Operator tokens: created and shown once, always expiring, revocable. They look like `tgo_` and 43 characters. */
export const OPERATOR_TOKEN = /^tgo_[A-Za-z0-9_-]{43}$/

const DEFAULT_SCOPES: readonly OperatorScope[] = ['operator:read', 'operator:revoke']

const DAY_SECONDS = 86_400
export const OPERATOR_TOKEN_DAYS_MAX = 365

export type NewOperatorToken = {
  name: string
  days: number
  /** May read and revoke when absent. */
  scopes?: readonly string[] | undefined
  /** What whoever makes it may do, with all that it includes; absent for those who may do everything. */
  held?: ReadonlySet<string> | undefined
}

/** The scopes in their own order, each once. Throws `invalid_input` for others or none, `forbidden` for more than is held. */
function grantedScopes({ scopes = DEFAULT_SCOPES, held }: NewOperatorToken): OperatorScope[] {
  const unknown = scopes.find((name) => !OPERATOR_SCOPES.some((known) => known === name))
  if (unknown !== undefined || scopes.length === 0)
    throw new AppError('invalid_input', `An operator token has one or more of ${OPERATOR_SCOPES.join(', ')}`)
  const excess = held && scopes.find((name) => !held.has(name))
  if (excess !== undefined)
    throw new AppError('forbidden', `You may not do ${excess} yourself, so no token of yours may`)
  return OPERATOR_SCOPES.filter((name) => scopes.includes(name))
}

/** The token is in the answer and nowhere else. Throws `invalid_input` for what is wrong with it, `forbidden`. */
export async function createOperatorToken(
  dependencies: RecordingContext,
  request: NewOperatorToken,
  origin: ActionOrigin,
): Promise<{ id: string; token: string }> {
  if (!Number.isInteger(request.days) || request.days < 1 || request.days > OPERATOR_TOKEN_DAYS_MAX)
    throw new AppError('invalid_input', `An operator token lives 1 to ${OPERATOR_TOKEN_DAYS_MAX} days`)
  const scope = grantedScopes(request).join(' ')
  const token = `tgo_${generateSecret()}`
  const id = `opt_${randomBytes(8).toString('hex')}`
  return recorded(dependencies, origin, async (trx, record) => {
    const ttl_seconds = request.days * DAY_SECONDS
    const { name, days } = request
    const created_by = actorText(origin.actor.kind, origin.actor.id)
    await insertOperatorToken(trx, { id, token_hash: sha256(token), name, scope, created_by, ttl_seconds })
    record({ type: 'operator_token.created', detail: { operator_token: id, name, scope, days } })
    return { id, token }
  })
}

/** Revoking what is gone is no error: `revoked` is then empty. */
export async function revokeOperatorToken(
  dependencies: RecordingContext,
  id: string,
  origin: ActionOrigin,
): Promise<{ revoked: string[] }> {
  return recorded(dependencies, origin, async (trx, record) => {
    if (!(await deleteOperatorToken(trx, id))) return { revoked: [] }
    record({ type: 'operator_token.revoked', detail: { operator_token: id } })
    return { revoked: [id] }
  })
}

/** Newest first. Throws `invalid_input` for an invalid cursor. */
export async function pageOfOperatorTokens(
  { db }: { db: Knex },
  page: PageWanted,
): Promise<{ operator_tokens: OperatorTokenView[]; next?: string }> {
  const { rows, ...more } = await listOperatorTokens(db, page)
  return { operator_tokens: rows, ...more }
}
