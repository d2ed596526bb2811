import type { Middleware } from 'koa'
import { basePath, localPath } from './base-path.ts'

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

/** Follows the audit log with a script of ours, which the page does without where scripts do not run. */
const SCRIPTED_PATH = /^\/operator\/audit(\/|$)/
const SCRIPTED_CONTENT_SECURITY_POLICY = `${CONTENT_SECURITY_POLICY}; script-src 'self'; connect-src 'self'`

const PERMISSIONS_POLICY = [
  'camera',
  'display-capture',
  'geolocation',
  'microphone',
  'payment',
  'publickey-credentials-create',
  'publickey-credentials-get',
  'usb',
]
  .map((feature) => `${feature}=()`)
  .join(', ')

const ONE_YEAR_SECONDS = 31_536_000

/** Documents that everybody may read and keep for a while. */
const PUBLIC_DOCUMENT_PATH = /^\/(\.well-known\/.+|jwks)$/
/** Endpoints that browser-based clients call from their own origin. */
const CROSS_ORIGIN_ENDPOINT_PATH = /^\/(token|register|revoke|operator\/mcp)$/

/**
 * Pages that a client may have opened in a popup. A stricter opener policy would cut that window off from the
 * client for good, also after it came back to the client's own callback page, and the client would wait for ever.
 */
const POPUP_PATH = /^\/(authorize|interaction)(\/|$)/

/**
 * Strict headers on every answer, errors included: they are set first, and a handler may only narrow them.
 * `issuer` is the public address; HSTS is sent only when it is https. RFC 9700 §4.16: pages MUST NOT be framed.
 * Nothing may be cached unless its handler says so; public documents are left to theirs.
 */
export function securityHeaders(options: { issuer: string }): Middleware {
  const base = basePath(options.issuer)
  return async (ctx, next) => {
    ctx.set(securityHeadersOf(localPath(ctx.path, base) ?? ctx.path, options))
    await next()
  }
}

/** The headers that every answer at `path` begins with. */
export function securityHeadersOf(path: string, options: { issuer: string }): Record<string, string> {
  const public_document = PUBLIC_DOCUMENT_PATH.test(path)
  const cross_origin = public_document || CROSS_ORIGIN_ENDPOINT_PATH.test(path)
  return {
    'Content-Security-Policy': SCRIPTED_PATH.test(path)
      ? SCRIPTED_CONTENT_SECURITY_POLICY
      : CONTENT_SECURITY_POLICY,
    'X-Frame-Options': 'DENY',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Permissions-Policy': PERMISSIONS_POLICY,
    ...(options.issuer.startsWith('https://') && {
      'Strict-Transport-Security': `max-age=${ONE_YEAR_SECONDS}`,
    }),
    'Cross-Origin-Opener-Policy': POPUP_PATH.test(path) ? 'unsafe-none' : 'same-origin',
    'Cross-Origin-Resource-Policy': cross_origin ? 'cross-origin' : 'same-origin',
    ...(!public_document && { 'Cache-Control': 'no-store' }),
  }
}
