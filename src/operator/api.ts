import Router from '@koa/router'
import type { Context } from 'koa'
import { AppError } from '../errors.ts'
import { type JsonOptions, readJson } from '../http/read-body.ts'
import { type Action, type ActionContext, perform } from './action.ts'
import { ACTIONS } from './actions/index.ts'
import { type AuditRouteDependencies, auditRoutes } from './audit-routes.ts'
import { type AuthenticationDependencies, authenticateOperator } from './authenticate.ts'

/**
 * /operator/api/v1: what operators do, for programs. Each action is a route; the pages, the MCP server and the command
 * line perform the same actions.
 */
export type OperatorDependencies = ActionContext & AuthenticationDependencies & AuditRouteDependencies

function limitOf(limit_bytes: number | undefined): JsonOptions {
  return limit_bytes === undefined ? {} : { limit_bytes }
}

/** A body is optional where all of its members are. */
async function readInput(
  { method, body_limit_bytes }: Action,
  ctx: Context,
): Promise<Record<string, unknown>> {
  const { params } = ctx
  if (method === 'get' || method === 'delete') return { ...ctx.query, ...params }
  const body = ctx.get('content-type') === '' ? {} : await readJson(ctx, limitOf(body_limit_bytes))
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new AppError('invalid_input', 'Send a JSON object')
  return { ...body, ...params }
}

/**
 * Everything under /operator/api/v1. Each route authenticates itself: the router matches `use` by the exact path but
 * routes in any case, so that /OPERATOR/… would pass a check that is only put in front.
 */
export function operatorApi(dependencies: OperatorDependencies): Router {
  const router = new Router({ prefix: '/operator/api/v1', sensitive: true })
  auditRoutes(router, dependencies)
  for (const action of ACTIONS) {
    const { method, name } = action
    router[method](action.path.replaceAll(/\{(\w+)\}/g, ':$1'), async (ctx: Context) => {
      const caller = await authenticateOperator(dependencies, ctx, { method: 'tools/call', name })
      ctx.body = await perform(action, dependencies, caller, await readInput(action, ctx))
    })
  }
  // What is no route says so only to operators.
  router.all('/{*rest}', async (ctx: Context) => {
    await authenticateOperator(dependencies, ctx, { method: 'ping' })
  })
  return router
}
