import type { Knex } from 'knex'
import type { Context, Middleware } from 'koa'
import { errors } from 'oidc-provider'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import { markClientUsed } from '../clients/client-store.ts'
import { commit } from '../storage/transaction.ts'
import { followChallenge } from './attempt.ts'
import { type EngineContext, tokenEndpointEvents } from './audit-trail.ts'
import { answerOAuthError } from './oauth-error.ts'
import { identicalSuccessor, rememberSuccessor, type TokenResponse } from './refresh-rotation.ts'
import { runInUnit, UnitOfWork } from './unit-of-work.ts'

/**
 * One database transaction per token, revocation and registration request; the answer leaves after its commit.
 * A success commits with its audit events. A refusal changes nothing, so a wrong parameter never costs a refresh
 * token — except that reuse revokes the family, which commits although the answer is 4xx.
 */
const ROUTES = new Set(['POST /token', 'POST /revoke', 'POST /register'])

export type TransactionDependencies = { db: Knex; audit: AuditLog }

/** Puts the sealed first answer of a spent token in place of the engine's, or keeps this answer for that case. */
async function settleRotation(ctx: Context, unit: UnitOfWork): Promise<void> {
  if (ctx.status !== 200) return
  const body = ctx.body as TokenResponse
  if (unit.replay) ctx.body = identicalSuccessor(unit.replay, body)
  else if (unit.rotation) await rememberSuccessor(await unit.connection(), unit.rotation, body)
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

function answerEngineError(ctx: Context, error: unknown): void {
  if (!(error instanceof errors.OIDCProviderError)) throw error
  answerOAuthError(ctx, error.statusCode, error.error, error.error_description ?? '')
}

export function tokenTransaction({ db, audit }: TransactionDependencies): Middleware {
  return async (ctx, next) => {
    if (!ROUTES.has(`${ctx.method} ${ctx.path}`)) return next()
    const unit = new UnitOfWork(db, { spends_refresh_tokens: ctx.path === '/token' })
    try {
      await runInUnit(unit, next)
      // A verifier that does not fit would name another attempt than the one its code belongs to.
      followChallenge(ctx, unit.code_challenge)
      if (ctx.state.server_error === undefined) {
        await settleRotation(ctx, unit).catch((error) => answerEngineError(ctx, error))
        await settle(ctx, unit, audit)
      }
    } finally {
      // After a commit this does nothing.
      await unit.rollback()
    }
  }
}
