import type { Middleware } from 'koa'
import type { Logger } from 'pino'
import { requestId, routeOf } from './request-context.ts'

/** Asked many times a second, and each of its answers is in the audit log anyway. */
const QUIET = new Set(['/introspect', '/introspect/reports', '/healthz', '/readyz'])

/**
 * One line per request with its id, so that the lines of one attempt can be read together. The route and not the path:
 * people paste secrets into addresses. Never the query.
 */
export function accessLog(log: Logger): Middleware {
  return async (ctx, next) => {
    const started_ms = performance.now()
    await next()
    const fields = {
      request_id: requestId(ctx),
      method: ctx.method,
      route: routeOf(ctx),
      status: ctx.status,
      duration_ms: Math.round(performance.now() - started_ms),
    }
    if (QUIET.has(ctx.path)) log.debug(fields, 'request')
    else log.info(fields, 'request')
  }
}
