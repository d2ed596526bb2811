import type { Middleware } from 'koa'
import { basePath, localPath } from './base-path.ts'

/**
 * CORS for what browser-based clients call: any origin, never with credentials, since nothing here trusts a cookie.
 * Everything else (introspection, authorization, interactions, operator and account pages) has no CORS at all.
 */
const READABLE = /^\/(?:\.well-known\/.+|jwks)$/
const CALLABLE = /^\/(?:token|register|revoke)$/
const MCP = '/operator/mcp'

const ALLOW_METHODS = 'Access-Control-Allow-Methods'
const ALLOWED_HEADERS = 'authorization, content-type, dpop, mcp-protocol-version, mcp-method, mcp-name'
const EXPOSED_HEADERS = 'WWW-Authenticate, Retry-After, X-Request-Id'
const MAX_AGE_SECONDS = '3600'

function allowedMethods(path: string): string | undefined {
  if (READABLE.test(path)) return 'GET, HEAD'
  if (path === MCP) return 'GET, POST, DELETE'
  return CALLABLE.test(path) ? 'POST' : undefined
}

/**
 * Sets the headers before anything can fail, so that a page can read refusals too: a wrong host, a body that is too
 * large, a database that is gone. The engine sees them and adds none of its own.
 */
export function cors(issuer: string): Middleware {
  const base = basePath(issuer)
  return async (ctx, next) => {
    // Clients probe for documents outside of the issuer's path, and must be able to read that they are not there.
    const methods = allowedMethods(localPath(ctx.path, base) ?? ctx.path)
    if (methods !== undefined) {
      ctx.set('Access-Control-Allow-Origin', '*')
      if (ctx.method === 'OPTIONS') {
        ctx.set(ALLOW_METHODS, methods)
        ctx.set('Access-Control-Allow-Headers', ALLOWED_HEADERS)
        ctx.set('Access-Control-Max-Age', MAX_AGE_SECONDS)
      } else ctx.set('Access-Control-Expose-Headers', EXPOSED_HEADERS)
    }
    await next()
  }
}

/** Answers the preflight of what `cors` opened, once the request has passed the checks in between. */
export const preflight: Middleware = async (ctx, next) => {
  if (ctx.method !== 'OPTIONS' || !ctx.response.get(ALLOW_METHODS)) return next()
  ctx.status = 204
}
