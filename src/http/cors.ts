import type { Middleware } from 'koa'

/**
 * CORS for what browser-based clients call: any origin, never with credentials, since nothing here trusts a cookie.
 * Everything else (introspection, interactions, operator and account pages) has no CORS at all.
 */
const READABLE = /^\/(?:\.well-known\/.+|jwks)$/
const CALLABLE = /^\/(?:token|register|revoke)$/

const ALLOWED_HEADERS = 'authorization, content-type, dpop, mcp-protocol-version'
const EXPOSED_HEADERS = 'WWW-Authenticate, Retry-After, X-Request-Id'
const MAX_AGE_SECONDS = '3600'

function allowedMethods(path: string): string | undefined {
  if (READABLE.test(path)) return 'GET, HEAD'
  return CALLABLE.test(path) ? 'POST' : undefined
}

/** Answers preflights itself; on other requests sets the headers last, so that errors carry them too. */
export function cors(): Middleware {
  return async (ctx, next) => {
    const methods = allowedMethods(ctx.path)
    if (methods === undefined) return next()
    ctx.set('Access-Control-Allow-Origin', '*')
    if (ctx.method === 'OPTIONS') {
      ctx.set('Access-Control-Allow-Methods', methods)
      ctx.set('Access-Control-Allow-Headers', ALLOWED_HEADERS)
      ctx.set('Access-Control-Max-Age', MAX_AGE_SECONDS)
      ctx.status = 204
      return
    }
    await next()
    ctx.set('Access-Control-Allow-Origin', '*')
    ctx.set('Access-Control-Expose-Headers', EXPOSED_HEADERS)
    ctx.vary('Origin')
  }
}
