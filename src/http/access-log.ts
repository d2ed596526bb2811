import type { Middleware } from 'koa'
import type { Logger } from 'pino'
import { requestId } from './request-context.ts'

/** Asked many times a second, and each of its answers is in the audit log anyway. */
const QUIET = new Set(['/introspect', '/introspect/reports', '/healthz', '/readyz'])

const PATH_MAX = 256

/** What stands after these is the value of the browser's cookie. */
const COOKIE_IN_PATH = /^\/(authorize|interaction)\/[^/]*/

function loggedPath(path: string): string {
  return path.replace(COOKIE_IN_PATH, '/$1/:uid').slice(0, PATH_MAX)
}

/** One line per request with its id, so that the lines of one attempt can be read together. Never the query. */
export function accessLog(log: Logger): Middleware {
  return async (ctx, next) => {
    const started_ms = performance.now()
    await next()
    const fields = {
      request_id: requestId(ctx),
      method: ctx.method,
      path: loggedPath(ctx.path),
      status: ctx.status,
      duration_ms: Math.round(performance.now() - started_ms),
    }
    if (QUIET.has(ctx.path)) log.debug(fields, 'request')
    else log.info(fields, 'request')
  }
}
