import Router from '@koa/router'
import type { Knex } from 'knex'
import type { Context } from 'koa'
import { z } from 'zod'
import type { AuditLog } from '../audit/audit-log.ts'
import {
  pageOfGrants,
  pageOfRefreshTokens,
  type Revocation,
  revokeGrants,
  revokeRefreshToken,
  showGrant,
} from '../grants/grants.ts'
import { readJson } from '../http/read-body.ts'
import { requestId } from '../http/request-context.ts'
import { validate } from '../http/validate.ts'
import { type AuditRouteDependencies, auditRoutes } from './audit-routes.ts'
import { authenticateOperator } from './authenticate.ts'

/** /operator/api/v1: what operators do, for programs. Every route calls the function that the command line calls. */
export type OperatorDependencies = { db: Knex; audit: AuditLog } & AuditRouteDependencies

const id = z
  .string()
  .min(1)
  .max(2_048)
  .refine((text) => text.isWellFormed() && !text.includes('\0'), 'has characters that no id has')
const filter = {
  id: id.optional(),
  account: id.optional(),
  client_id: id.optional(),
  resource: id.optional(),
}
const limit = z.coerce.number().int().min(1).max(500).optional()

const GrantsQuery = z.strictObject({ ...filter, limit, before: id.optional() })
const RefreshTokensQuery = z.strictObject({ ...filter, limit })
const RevokeBody = z.strictObject({ ...filter, reason: z.string().min(1).max(256).optional() })
const ReasonBody = z.strictObject({ reason: z.string().min(1).max(256).optional() })

function revocation(ctx: Context, reason: string | undefined): Revocation {
  return { actor: String(ctx.state.actor), reason, request_id: requestId(ctx) }
}

/** A body is optional where all of its members are. */
async function optionalBody(ctx: Context): Promise<unknown> {
  return ctx.get('content-type') === '' ? {} : readJson(ctx)
}

/**
 * Everything under /operator/api/v1, behind an operator token. Each route names the check itself: the router matches
 * `use` by the exact path but routes in any case, so that /OPERATOR/… would pass a check that is only put in front.
 */
export function operatorApi(dependencies: OperatorDependencies): Router {
  const router = new Router({ prefix: '/operator/api/v1', sensitive: true })
  const authenticated = authenticateOperator(dependencies)

  router.get('/grants', authenticated, async (ctx) => {
    const { limit, before, ...by } = validate(GrantsQuery, { ...ctx.query })
    ctx.body = { grants: await pageOfGrants(dependencies, by, { limit, before }) }
  })
  router.get('/grants/:id', authenticated, async (ctx) => {
    ctx.body = await showGrant(dependencies, validate(id, ctx.params.id))
  })
  router.post('/grants/revoke', authenticated, async (ctx) => {
    const { reason, ...by } = validate(RevokeBody, await readJson(ctx))
    ctx.body = await revokeGrants(dependencies, by, revocation(ctx, reason))
  })
  router.post('/grants/:id/revoke', authenticated, async (ctx) => {
    const { reason } = validate(ReasonBody, await optionalBody(ctx))
    ctx.body = await revokeGrants(dependencies, { id: validate(id, ctx.params.id) }, revocation(ctx, reason))
  })
  router.get('/refresh-tokens', authenticated, async (ctx) => {
    const { limit, ...by } = validate(RefreshTokensQuery, { ...ctx.query })
    ctx.body = { refresh_tokens: await pageOfRefreshTokens(dependencies, by, { limit }) }
  })
  router.post('/refresh-tokens/revoke', authenticated, async (ctx) => {
    const { reason, ...by } = validate(RevokeBody, await readJson(ctx))
    ctx.body = await revokeGrants(dependencies, by, revocation(ctx, reason))
  })
  router.post('/refresh-tokens/:id/revoke', authenticated, async (ctx) => {
    const { reason } = validate(ReasonBody, await optionalBody(ctx))
    ctx.body = await revokeRefreshToken(dependencies, validate(id, ctx.params.id), revocation(ctx, reason))
  })
  auditRoutes(router, dependencies, authenticated)
  // What is no route says so only to operators.
  router.all('/{*rest}', authenticated)
  return router
}
