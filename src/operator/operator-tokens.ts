import { randomBytes } from 'node:crypto'
import type { Knex } from 'knex'
import type { AuditLog } from '../audit/audit-log.ts'
import { recorded } from '../audit/recorded.ts'
import { generateSecret, sha256 } from '../clients/client-secret.ts'
import { AppError } from '../errors.ts'
import type { OperatorScope } from './action.ts'
import { deleteOperatorToken, insertOperatorToken } from './operator-token-store.ts'

/** Operator tokens: created and shown once, always expiring, revocable. They look like `tgo_` and 43 characters. */
export type OperatorTokenDependencies = { db: Knex; audit: AuditLog }

export const OPERATOR_TOKEN = /^tgo_[A-Za-z0-9_-]{43}$/

const DEFAULT_SCOPES: readonly OperatorScope[] = ['operator:read', 'operator:revoke']

const DAY_SECONDS = 86_400
const DAYS_MAX = 365

export async function createOperatorToken(
  { db, audit }: OperatorTokenDependencies,
  request: { name: string; days: number; scopes?: readonly OperatorScope[]; actor: string },
): Promise<{ id: string; token: string }> {
  if (!Number.isInteger(request.days) || request.days < 1 || request.days > DAYS_MAX)
    throw new AppError('invalid_input', `An operator token lives 1 to ${DAYS_MAX} days`)
  const token = `tgo_${generateSecret()}`
  const id = `opt_${randomBytes(8).toString('hex')}`
  return recorded(db, audit, async (trx) => {
    const ttl_seconds = request.days * DAY_SECONDS
    const { name, actor: created_by, days } = request
    const scope = (request.scopes ?? DEFAULT_SCOPES).join(' ')
    await insertOperatorToken(trx, { id, token_hash: sha256(token), name, scope, created_by, ttl_seconds })
    const detail = { operator_token: id, name, scope, change: 'created', days }
    return {
      result: { id, token },
      events: [{ type: 'operator_token.created', actor: request.actor, detail }],
    }
  })
}

export async function revokeOperatorToken(
  { db, audit }: OperatorTokenDependencies,
  request: { id: string; actor: string },
): Promise<void> {
  await recorded(db, audit, async (trx) => {
    if (!(await deleteOperatorToken(trx, request.id)))
      throw new AppError('not_found', `There is no operator token ${request.id}`)
    const detail = { operator_token: request.id }
    return { result: undefined, events: [{ type: 'operator_token.revoked', actor: request.actor, detail }] }
  })
}
