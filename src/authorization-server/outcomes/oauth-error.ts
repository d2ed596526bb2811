import type { Context } from 'koa'
import { AppError } from '../../base/errors.ts'

/** A refusal before the engine has a say, in the shape its own errors have (RFC 6749 §5.2, RFC 7591 §3.2.2). */
export function answerOAuthError(
  ctx: Context,
  status: number,
  error: string,
  error_description: string,
): void {
  ctx.status = status
  ctx.set('Cache-Control', 'no-store')
  ctx.body = { error, error_description }
}

const STATUS_ANSWERED = new Set([400, 413, 415])

/** Answers a body that could not be read; throws what is not the caller's fault. */
export function answerBadBody(ctx: Context, error: unknown): void {
  if (!(error instanceof AppError) || !STATUS_ANSWERED.has(error.status)) throw error
  if (error.status === 413) ctx.set('Connection', 'close')
  answerOAuthError(ctx, error.status, 'invalid_request', error.message)
}
