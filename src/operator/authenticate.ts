import type { Knex } from 'knex'
import type { Context, Middleware } from 'koa'
import type { AuditLog } from '../audit/audit-log.ts'
import { sha256 } from '../clients/client-secret.ts'
import { AppError } from '../errors.ts'
import { clientIp, requestId } from '../http/request-context.ts'
import { findOperatorToken } from './operator-token-store.ts'
import { OPERATOR_TOKEN } from './operator-tokens.ts'

/** The operator API opens with an operator token in the Authorization header (RFC 6750 §2.1), and with nothing else. */
function bearerToken(ctx: Context): string | undefined {
  const [scheme, token, ...rest] = ctx.get('authorization').split(' ')
  return scheme?.toLowerCase() === 'bearer' && token && rest.length === 0 ? token : undefined
}

/** The operator whom the request's token names, now; a token of the wrong shape costs no query. */
async function findOperator(db: Knex, ctx: Context): Promise<{ id: string } | undefined> {
  const token = bearerToken(ctx)
  return token && OPERATOR_TOKEN.test(token) ? findOperatorToken(db, sha256(token)) : undefined
}

/** Whether the token that opened a long answer still would. */
export async function stillAuthenticated(db: Knex, ctx: Context): Promise<boolean> {
  return (await findOperator(db, ctx)) !== undefined
}

/** Sets `ctx.state.actor`. Throws `unauthenticated`, after recording the refusal. */
export function authenticateOperator({ db, audit }: { db: Knex; audit: AuditLog }): Middleware {
  return async (ctx, next) => {
    const known = await findOperator(db, ctx)
    if (!known) {
      await audit.append({
        type: 'operator.refused',
        actor: 'anonymous',
        decision: 'denied',
        request_id: requestId(ctx),
        ip: clientIp(ctx) ?? undefined,
        detail: { method: ctx.method, path: ctx.path },
      })
      ctx.set('WWW-Authenticate', 'Bearer realm="operator"')
      throw new AppError(
        'unauthenticated',
        'Send an operator token; make one with: toolgate operator-tokens create',
      )
    }
    ctx.state.actor = `operator:${known.id}`
    await next()
  }
}
