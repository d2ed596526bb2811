/**
 * Edge plumbing for koa: what every request passes through before it reaches a room, and every answer after it.
 */
import { randomUUID } from 'node:crypto'
import { isIP } from 'node:net'
import type { Context, Middleware } from 'koa'
import type { RequestOrigin } from '../audit/log/action-origin.ts'
import { networkOf } from '../base/network.ts'
import { withoutSecrets } from '../base/redaction.ts'

/** Narrow on purpose: the value is written into the log, the audit trail and a response header. */
const ACCEPTED_REQUEST_ID = /^[A-Za-z0-9._-]{8,64}$/

/** Ids of attempts are derived from what only their client knows; nobody may claim one. */
const ATTEMPT_ID = /^at_/i

/** Names each request, so that an answer, a log line and an audit row can be matched. Sets `x-request-id`. */
export function requestContext(): Middleware {
  return async (ctx, next) => {
    ctx.set('x-request-id', requestId(ctx))
    await next()
  }
}

/** By what log and audit name this request: the id of the attempt that it is part of, else its own. */
export function requestId(ctx: Context): string {
  return ctx.state.trace_id ?? ownRequestId(ctx)
}

/** The caller's `x-request-id` when it is well formed, else a new UUID. Stable per request. */
function ownRequestId(ctx: Context): string {
  ctx.state.request_id ??= chosenRequestId(ctx.get('x-request-id'))
  return ctx.state.request_id
}

/** Gives a request the id of the attempt it turned out to belong to; from here on, log and audit use it. */
export function renameRequest(ctx: Context, id: string): void {
  ctx.state.trace_id = id
  ctx.set('x-request-id', id)
}

/** Says which address answers this request, for whoever answers without a router. */
export function nameRoute(ctx: Context, route: string): void {
  ctx.state.route = route
}

/** The address that answers, as the program has it: `/operator/audit/story/:id`. Never what the caller wrote. */
export function routeOf(ctx: Context): string {
  const { route } = ctx.state
  const matched = (ctx as { _matchedRoute?: unknown })._matchedRoute
  return route ?? (typeof matched === 'string' ? matched : 'unknown')
}

/** From where the request came, for the audit log. */
export function requestOrigin(ctx: Context): RequestOrigin & { request_id: string } {
  return { request_id: ownRequestId(ctx), trace_id: ctx.state.trace_id, ip: clientIp(ctx) ?? undefined }
}

/** The offered id when it is well formed, not that of an attempt and no secret, else a new UUID. */
export function chosenRequestId(offered: string | string[] | undefined): string {
  if (typeof offered !== 'string' || !ACCEPTED_REQUEST_ID.test(offered)) return randomUUID()
  return ATTEMPT_ID.test(offered) || withoutSecrets(offered) !== offered ? randomUUID() : offered
}

/**
 * The address of the client, or null when it is not known (the peer is gone, came through a Unix socket, or a trusted proxy
 * names no address). Reads X-Forwarded-For only where koa's `proxy` is on.
 */
export function clientIp(ctx: Context): string | null {
  return plainAddress(ctx.ip || ctx.req.socket.remoteAddress) ?? null
}

/** Whom a rate counts against. */
export function clientNetwork(ctx: Context): string {
  return networkOf(clientIp(ctx))
}

/** Aborted once nobody waits for the answer any more, because it was sent or because the caller hung up. */
export function hungUp(ctx: Context): AbortSignal {
  const gone = new AbortController()
  ctx.res.once('close', () => gone.abort())
  return gone.signal
}

/** An address with a port, as some proxies write it: `203.0.113.7:4711`, `[2001:db8::1]:4711`, and the latter without its port. */
const WITH_PORT = /^(?:\[(?<v6>[^\]]+)\](?::\d{1,5})?|(?<v4>\d+(?:\.\d+){3}):\d{1,5})$/

/** The IP address in its plain form, without port or brackets; undefined for what is none. */
export function plainAddress(candidate: string | undefined): string | undefined {
  const { v6, v4 } = WITH_PORT.exec(candidate ?? '')?.groups ?? {}
  const address = (v6 ?? v4 ?? candidate ?? '').replace(/^::ffff:(?=\d+\.)/i, '')
  return isIP(address) !== 0 && !address.includes('%') ? address : undefined
}

/** The token in the Authorization header (RFC 6750 §2.1); undefined for another scheme, no token or more than one. */
export function bearerToken(ctx: Context): string | undefined {
  return /^bearer +(\S+)$/i.exec(ctx.get('authorization'))?.[1]
}
