import { STATUS_CODES } from 'node:http'
import type { Context, Middleware } from 'koa'
import type { Logger } from 'pino'
import { AppError } from '../base/errors.ts'
import { isUnavailable } from '../storage/database.ts'
import type { Renderer } from './render.ts'
import { requestId } from './request-context.ts'

export type Failure = { status: number; code: string; detail: string }

const RETRY_AFTER_SECONDS = '1'

const INTERNAL: Failure = {
  status: 500,
  code: 'internal',
  detail: 'Something went wrong on our side. The request id names this case in our log.',
}
const UNAVAILABLE: Failure = {
  status: 503,
  code: 'unavailable',
  detail: 'The service cannot answer right now. Try again in a moment.',
}

/** Answers that a router gives by their status alone, and statuses of errors that carry no code of ours. */
const BY_STATUS: Readonly<Record<number, Omit<Failure, 'status'>>> = {
  401: { code: 'unauthenticated', detail: 'This request needs authentication.' },
  403: { code: 'forbidden', detail: 'This request is not allowed.' },
  404: { code: 'not_found', detail: 'There is nothing at this address.' },
  405: { code: 'method_not_allowed', detail: 'This address does not answer to this method.' },
  501: { code: 'method_not_implemented', detail: 'This server does not know this method.' },
}

/**
 * The outermost middleware. AppError, an address nothing answers and every other failure leave as RFC 9457
 * `application/problem+json`, or as a page for a reader that prefers HTML. Storage that cannot answer is 503 with
 * Retry-After; what is left is a bug: 500, logged with the request id and without the error's own fields, which
 * may hold data of a row.
 */
export function errorHandler(options: { log: Logger; render: Renderer }): Middleware {
  return async (ctx, next) => {
    try {
      await next()
      if (isUnanswered(ctx)) answer(ctx, failureOfStatus(ctx.status), options)
    } catch (error) {
      const failure = failureOf(error)
      if (failure.status >= 500) logFailure(caseOf(ctx), error, failure, options.log)
      if (ctx.res.headersSent || ctx.respond === false) {
        ctx.res.destroy()
        return
      }
      answer(ctx, failure, options)
    }
  }
}

function isUnanswered(ctx: Context): boolean {
  if (ctx.respond === false || ctx.res.headersSent) return false
  return ctx.status >= 400 && (ctx.body === undefined || ctx.body === null || ctx.body === '')
}

function failureOfStatus(status: number): Failure {
  const known = BY_STATUS[status] ?? { code: 'invalid_input', detail: 'The request cannot be answered.' }
  return { status, ...known }
}

/** How an error is told to the caller. */
export function failureOf(error: unknown): Failure {
  if (error instanceof AppError) return { status: error.status, code: error.code, detail: error.message }
  if (isUnavailable(error)) return UNAVAILABLE
  return exposedFailure(error) ?? INTERNAL
}

/** Errors of koa, its router and oidc-provider say by `expose` that a 4xx of theirs is for the caller. */
function exposedFailure(error: unknown): Failure | undefined {
  if (!(error instanceof Error) || !('expose' in error) || error.expose !== true) return undefined
  const status = 'status' in error ? error.status : undefined
  if (typeof status !== 'number' || status < 400 || status > 499) return undefined
  const described = 'error_description' in error ? error.error_description : undefined
  return { ...failureOfStatus(status), detail: typeof described === 'string' ? described : error.message }
}

function caseOf(ctx: Context): { request_id: string; method: string } {
  return { request_id: requestId(ctx), method: ctx.method }
}

/** What became of `request`, without the error's own fields, which may hold data of a row. */
export function logFailure(
  request: { request_id?: string | undefined; method: string },
  error: unknown,
  failure: Failure,
  log: Logger,
): void {
  const cause = error instanceof AppError && error.cause !== undefined ? error.cause : error
  const logged =
    cause instanceof Error
      ? { name: cause.name, stack: cause.stack, ...('code' in cause && { code: cause.code }) }
      : { name: typeof cause }
  const fields = { ...request, status: failure.status, error: logged }
  if (failure.status === 503) log.warn(fields, 'request cannot be served now')
  else log.error(fields, 'request failed')
}

function answer(ctx: Context, failure: Failure, options: { log: Logger; render: Renderer }): void {
  for (const name of ['Content-Encoding', 'Content-Length', 'Content-Type', 'ETag', 'Last-Modified']) {
    ctx.remove(name)
  }
  ctx.status = failure.status
  ctx.set('Cache-Control', 'no-store')
  if (failure.status === 503 && !ctx.response.get('Retry-After')) ctx.set('Retry-After', RETRY_AFTER_SECONDS)
  // The rest of a body that is too large is never read, so the connection cannot carry another request.
  if (failure.status === 413) ctx.set('Connection', 'close')

  const title = STATUS_CODES[failure.status] ?? 'Error'
  const { status, code, detail } = failure
  const problem = { type: 'about:blank', title, status, detail, code, request_id: requestId(ctx) }
  const page = ctx.accepts(['json', 'html']) === 'html' ? renderPage(ctx, problem, options) : undefined
  ctx.set('Content-Type', page === undefined ? 'application/problem+json' : 'text/html; charset=utf-8')
  ctx.body = page ?? JSON.stringify(problem)
}

function renderPage(
  ctx: Context,
  problem: object,
  options: { log: Logger; render: Renderer },
): string | undefined {
  try {
    // Somebody who is signed in keeps the way around.
    return options.render('error', { ...ctx.state.frame, ...problem })
  } catch (error) {
    logFailure(caseOf(ctx), error, INTERNAL, options.log)
    return undefined
  }
}
