import type { Middleware } from 'koa'
import { refuseMethod } from '../http/allowed-methods.ts'
import { nameRoute } from '../http/request-context.ts'

const READ = ['GET', 'HEAD'] as const

/** The addresses of the engine that are open, with their methods. Whatever else it could answer is closed. */
const METHODS: Readonly<Record<string, readonly string[]>> = {
  '/authorize': READ,
  '/authorize/:uid': READ,
  '/token': ['POST', 'OPTIONS'],
  '/register': ['POST'],
  '/revoke': ['POST', 'OPTIONS'],
  '/jwks': [...READ, 'OPTIONS'],
  '/.well-known/oauth-authorization-server': [...READ, 'OPTIONS'],
  '/.well-known/openid-configuration': [...READ, 'OPTIONS'],
}

/**
 * The engine also answers `/TOKEN` and `/token/`, which the middleware around it would not recognise: such a
 * request would go unrecorded and without its transaction. A path counts only as the metadata spells it.
 */
export const openEndpoints: Middleware = async (ctx, next) => {
  const route = ctx.path.replace(/^\/authorize\/[^/]+$/, '/authorize/:uid')
  const methods = Object.hasOwn(METHODS, route) ? METHODS[route] : undefined
  if (methods) nameRoute(ctx, route)
  if (!methods) ctx.status = 404
  else if (!methods.includes(ctx.method)) refuseMethod(ctx, methods)
  else await next()
}
