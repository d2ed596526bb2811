import type Router from '@koa/router'
import type { Context, Middleware } from 'koa'

/** RFC 9110 §15.5.6: 405 MUST say which methods the address does answer to. */
export function refuseMethod(ctx: Context, allowed: Iterable<string>): void {
  ctx.status = 405
  ctx.set('Allow', [...new Set(allowed)].sort().join(', '))
}

/**
 * Stands behind a router's routes and answers 405 where the router has the address but not the method. A route for
 * whatever is left (a wildcard) is no address of its own.
 */
export function allowedMethods(router: Router): Middleware {
  return async (ctx, next) => {
    const routes = router.stack.filter((route) => !String(route.path).includes('*') && route.match(ctx.path))
    const methods = routes.flatMap((route) => route.methods)
    if (methods.length === 0 || methods.includes(ctx.method)) return next()
    refuseMethod(ctx, methods)
  }
}
