import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AuthInfo } from '../auth-info.ts'
import type { Guard } from '../guard.ts'
import { admitNodeRequest } from './node-admission.ts'

/** What the guard needs of a context of Koa. */
export type KoaContext = {
  req: IncomingMessage
  res: ServerResponse
  originalUrl: string
  /** Body parsers, and the guard, leave here as `body` what the body says. */
  request: object
  state: object
  status: number
  body: unknown
  set(headers: Record<string, string>): void
}

/** What handlers behind the guard find in `ctx.state`. */
export type GuardedByKoa = { auth: AuthInfo }

export type KoaMiddleware = (context: KoaContext, next: () => Promise<unknown>) => Promise<void>

/**
 * Middleware for Koa. What comes after it is reached only with a decision of "allowed", and finds `ctx.state.auth` and,
 * for a POST, the parsed `ctx.request.body`. It may stand before or after a body parser, and needs none.
 */
export function protectKoa(guard: Guard): KoaMiddleware {
  return async (context, next) => {
    const { req, res, originalUrl } = context
    const request: { body?: unknown } = context.request
    const exchange = { request: req, response: res, url: originalUrl, parsed: () => request.body }
    const allowed = await admitNodeRequest(guard, exchange, ({ status, headers, body }) => {
      context.status = status
      context.set({ ...headers })
      context.body = body
    })
    if (!allowed) return
    Object.assign(context.state, { auth: allowed.auth })
    // For handlers of `node:http`, such as the MCP SDK's, which are given `ctx.req`.
    Object.assign(req, { auth: allowed.auth })
    if (allowed.body !== undefined) request.body = allowed.body
    await next()
  }
}
