import Router from '@koa/router'
import type { Context } from 'koa'
import { type Action, type ActionContext, perform } from '../../actions/action.ts'
import { ACTIONS } from '../../actions/index.ts'
import { AppError } from '../../base/errors.ts'
import { isObject } from '../../base/json.ts'
import { readJson } from '../../http/read-body.ts'
import { type AuditRouteDependencies, auditRoutes } from './audit-routes.ts'
import { type AuthenticationDependencies, authenticateOperator } from './authenticate.ts'
import { openApiDocument } from './openapi.ts'
import { fromText, inputDocument } from './schema-documents.ts'

/**
 * /operator/api/v1: what operators do, for programs. Each action is a route; the pages, the MCP server and the command
 * line perform the same actions.
 */
export type OperatorDependencies = ActionContext & AuthenticationDependencies & AuditRouteDependencies

/** A body is optional where all of its members are. */
async function readBody({ body_limit_bytes }: Action, ctx: Context): Promise<object> {
  if (ctx.querystring !== '')
    throw new AppError('invalid_input', 'Send this in a JSON body: nothing is read from the query')
  const limit = body_limit_bytes === undefined ? {} : { limit_bytes: body_limit_bytes }
  const body = ctx.get('content-type') === '' ? {} : await readJson(ctx, limit)
  if (!isObject(body)) throw new AppError('invalid_input', 'Send a JSON object')
  return body
}

/** Each member from one place only, so that nobody is misled about which counts. */
async function readInput(action: Action, ctx: Context): Promise<Record<string, unknown>> {
  const { params } = ctx
  const schema = inputDocument(action)
  const is_query = action.method === 'get' || action.method === 'delete'
  const given = is_query ? fromText(schema, ctx.query) : await readBody(action, ctx)
  const twice = Object.keys(params).filter((name) => Object.hasOwn(given, name))
  if (twice.length > 0) throw new AppError('invalid_input', `${twice.join(', ')}: stands in the path already`)
  return { ...given, ...fromText(schema, params) }
}

/**
 * Everything under /operator/api/v1. Each route authenticates itself: the router matches `use` by the exact path but
 * routes in any case, so that /OPERATOR/… would pass a check that is only put in front.
 */
export function operatorApi(dependencies: OperatorDependencies): Router {
  const router = new Router({ prefix: '/operator/api/v1', sensitive: true })
  const document = JSON.stringify(openApiDocument(dependencies.issuer))
  router.get('/openapi.json', (ctx) => {
    ctx.set('Cache-Control', 'public, max-age=300')
    ctx.type = 'json'
    ctx.body = document
  })
  auditRoutes(router, dependencies)
  for (const action of ACTIONS) {
    const { method, name } = action
    router[method](action.path.replaceAll(/\{(\w+)\}/g, ':$1'), async (ctx: Context) => {
      const caller = await authenticateOperator(dependencies, ctx, { method: 'tools/call', name })
      ctx.body = await perform(action, dependencies, caller, await readInput(action, ctx))
      if (action.created) ctx.status = 201
    })
  }
  // What is no route says so only to operators.
  router.all('/{*rest}', async (ctx: Context, next) => {
    await authenticateOperator(dependencies, ctx, { method: 'ping' })
    return next()
  })
  return router
}
