import type { Knex } from 'knex'
import type { Context, Middleware } from 'koa'
import { errors } from 'oidc-provider'
import type { AuditEvent } from '../../audit/events/audit-event.ts'
import type { AuditLog } from '../../audit/log/audit-log.ts'
import { markClientUsed } from '../../clients/client-store.ts'
import { deleteGrant } from '../../grants/grant-store.ts'
import { commit } from '../../storage/transaction.ts'
import { followChallenge } from '../outcomes/attempt.ts'
import { type EngineContext, tokenEndpointEvents } from '../outcomes/audit-trail.ts'
import { answerOAuthError } from '../outcomes/oauth-error.ts'
import { identicalSuccessor, prepareRotation, replayWithin, type TokenResponse } from './refresh-rotation.ts'
import type { Rotations, Spent } from './rotations.ts'
import { type Rotation, runInUnit, UnitOfWork } from './unit-of-work.ts'

/**
 * One database transaction per token, revocation and registration request; the answer leaves after its commit.
 * A success commits with its audit events. A refusal changes nothing, so a wrong parameter never costs a refresh
 * token — except that reuse revokes the family, which commits although the answer is 4xx.
 */
const ROUTES = new Set(['POST /token', 'POST /revoke', 'POST /register'])

export type TransactionDependencies = {
  db: Knex
  /** The pool of token and registration requests, which anybody can send in any number. */
  tokens: Knex
  audit: AuditLog
  rotations: Rotations
  refresh_grace_seconds: number
}

/** The token was spent by somebody else since it was read: what the engine would have found, had it looked later. */
async function comeSecond(unit: UnitOfWork, rotation: Rotation, spent: Spent, grace_seconds: number) {
  unit.replay = replayWithin(grace_seconds, rotation.presented, spent)
  if (unit.replay) return
  const { grant_id: id } = rotation
  const gone = await deleteGrant(await unit.connection(), id)
  if (gone) unit.revoked_grant = gone
  throw new errors.InvalidGrant('refresh token already used')
}

/**
 * Carries out the rotation that the engine decided on; puts the sealed first answer of a spent token in place of the
 * engine's. True when the answer is thereby committed and recorded.
 */
async function settleRotation(
  ctx: Context,
  unit: UnitOfWork,
  { rotations, refresh_grace_seconds }: TransactionDependencies,
): Promise<boolean> {
  if (ctx.status !== 200) return false
  const body = ctx.body as TokenResponse
  const { rotation } = unit
  if (rotation) {
    const result = await rotations.commit(prepareRotation(rotation, body), tokenEndpointEvents(ctx, unit))
    if (result.outcome === 'rotated') return true
    unit.rotation = undefined
    if (result.outcome === 'gone') throw new errors.InvalidGrant('grant not found')
    await comeSecond(unit, rotation, result, refresh_grace_seconds)
  }
  if (unit.replay) ctx.body = identicalSuccessor(unit.replay, body)
  return false
}

function mustCommit(ctx: Context, unit: UnitOfWork): boolean {
  if (!unit.begun || unit.replay) return false
  return ctx.status < 400 || unit.revoked_grant !== undefined
}

/** From its first tokens on a client is in use, and never swept away as a registration that nobody needed. */
async function noteUse(ctx: EngineContext, transaction: Knex.Transaction): Promise<void> {
  const client_id = ctx.oidc?.entities.Client?.clientId
  if (client_id !== undefined) await markClientUsed(transaction, client_id)
}

async function settle(ctx: Context, unit: UnitOfWork, audit: AuditLog): Promise<void> {
  const events: AuditEvent[] = tokenEndpointEvents(ctx, unit)
  if (!mustCommit(ctx, unit)) {
    await unit.rollback()
    await audit.append(events)
    return
  }
  const transaction = await unit.connection()
  if (events.some(({ type }) => type === 'token.issued')) await noteUse(ctx, transaction)
  await audit.appendIn(transaction, events, () => commit(transaction))
}

/** Answers a refusal in the engine's terms. False: nothing is committed by that. */
function answerEngineError(ctx: Context, error: unknown): false {
  if (!(error instanceof errors.OIDCProviderError)) throw error
  answerOAuthError(ctx, error.statusCode, error.error, error.error_description ?? '')
  return false
}

export function tokenTransaction(dependencies: TransactionDependencies): Middleware {
  const { db, tokens, audit } = dependencies
  return async (ctx, next) => {
    if (!ROUTES.has(`${ctx.method} ${ctx.path}`)) return next()
    // A revocation must not wait behind a flood of the others.
    const unit = new UnitOfWork(ctx.path === '/revoke' ? db : tokens)
    try {
      await runInUnit(unit, next)
      // A verifier that does not fit would name another attempt than the one its code belongs to.
      followChallenge(ctx, unit.code_challenge)
      if (ctx.state.server_error === undefined) {
        const settling = settleRotation(ctx, unit, dependencies)
        const is_settled = await settling.catch((error) => answerEngineError(ctx, error))
        if (!is_settled) await settle(ctx, unit, audit)
      }
    } finally {
      // After a commit this rolls back nothing.
      await unit.end()
    }
  }
}
