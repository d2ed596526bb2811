import type { Context, Middleware } from 'koa'
import { AppError } from '../base/errors.ts'
import { plainAddress } from './request-context.ts'

/** Probes of a load balancer come to the address of the machine. */
const EXEMPT_PATHS: ReadonlySet<string> = new Set(['/healthz', '/readyz'])

/**
 * Refuses every request that is not meant for `allowed_host` (`host` or `host:port`, as in the issuer), because
 * discovery and redirects are built from the host of the request. RFC 9110 §7.4: 421 Misdirected Request.
 *
 * With koa's `proxy` on, X-Forwarded-Host stands for Host, as koa itself reads it. What passes is then pinned, so that
 * no later reader can find another host. Throws AppError misdirected; invalid_input when Host is given twice.
 */
export function hostCheck(allowed_host: string): Middleware {
  const allowed = allowed_host.toLowerCase()
  return async (ctx, next) => {
    if (!EXEMPT_PATHS.has(ctx.path)) {
      // RFC 9112 §3.2: a server MUST respond with 400 to a request with more than one Host header field line.
      if (countHostLines(ctx.req.rawHeaders) > 1)
        throw new AppError('invalid_input', 'The request has more than one Host')
      if (requestedHost(ctx)?.toLowerCase() !== allowed) {
        throw new AppError('misdirected', `This server answers only for ${allowed_host}`)
      }
      pin(ctx, allowed_host)
    }
    await next()
  }
}

/**
 * Refuses what came another way than the issuer says, because cookies and redirects are made for its protocol: a reverse
 * proxy that ends TLS must say so in X-Forwarded-Proto. Warns once of a proxy that names no address in X-Forwarded-For.
 * Throws AppError invalid_input.
 */
export function proxyContract(issuer: string, warn: (message: string) => void): Middleware {
  const protocol = new URL(issuer).protocol.slice(0, -1)
  let is_warned = false
  return async (ctx, next) => {
    if (!EXEMPT_PATHS.has(ctx.path) && ctx.protocol !== protocol)
      throw new AppError(
        'invalid_input',
        `This server answers only for ${issuer}: the proxy in front must send X-Forwarded-Proto: ${protocol}`,
      )
    if (!is_warned && ctx.app.proxy && ctx.ips.some((said) => plainAddress(said) === undefined)) {
      is_warned = true
      warn(
        'a proxy in front sends an X-Forwarded-For that names no address: those requests count as one caller',
      )
    }
    await next()
  }
}

/** Of a message's header lines, names and values in turn, how many are Host. */
export function countHostLines(raw_headers: readonly string[]): number {
  return raw_headers.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host').length
}

/** RFC 9112 §3.2.2: with the absolute form, the host of the target counts and Host MUST be ignored. Undefined: none. */
function requestedHost(ctx: Context): string | undefined {
  const target = ctx.req.url ?? ''
  if (!target.startsWith('/') && target !== '*') {
    const absolute = URL.canParse(target) ? new URL(target) : undefined
    const is_http = absolute?.protocol === 'http:' || absolute?.protocol === 'https:'
    if (!absolute || !is_http || absolute.username !== '' || absolute.password !== '') return undefined
    return absolute.host
  }
  const forwarded = ctx.app.proxy ? ctx.get('x-forwarded-host') : ''
  return forwarded === '' ? ctx.req.headers.host : forwarded
}

function pin(ctx: Context, allowed_host: string): void {
  const target = ctx.req.url ?? '/'
  if (!target.startsWith('/') && target !== '*') {
    const { pathname, search } = new URL(target)
    ctx.req.url = pathname + search
    // koa keeps its own copy in two places, and builds `href` from the second.
    ctx.originalUrl = ctx.req.url
    ctx.request.originalUrl = ctx.req.url
  }
  ctx.req.headers.host = allowed_host
  delete ctx.req.headers['x-forwarded-host']
}
