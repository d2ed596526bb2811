import type { Middleware } from 'koa'
import { isObject } from '../../base/json.ts'
import { requestId } from '../../http/request-context.ts'

function isOAuthError(body: unknown): body is { error: string } {
  return isObject(body) && typeof body.error === 'string'
}

/** Every error body names the attempt it belongs to, so that its makers can ask and an operator can look it up. */
export const traceErrors: Middleware = async (ctx, next) => {
  await next()
  if (ctx.status >= 400 && isOAuthError(ctx.body)) ctx.body = { ...ctx.body, trace_id: requestId(ctx) }
}
