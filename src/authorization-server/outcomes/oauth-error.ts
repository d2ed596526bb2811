import type { Context } from 'koa'
import { AppError, type ErrorCode } from '../../base/errors.ts'

/** Refusals of OAuth's own endpoints, in the shape of RFC 6749 §5.2 and RFC 7591 §3.2.2. */
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

const OAUTH_ERRORS: Partial<Record<ErrorCode, string>> = {
  invalid_input: 'invalid_request',
  unsupported_media_type: 'invalid_request',
  payload_too_large: 'invalid_request',
  unauthenticated: 'invalid_client',
  throttled: 'temporarily_unavailable',
  unavailable: 'temporarily_unavailable',
}

/** RFC 6749 §5.2: a 401 names the authentication scheme that would do. */
export function challengeClient(ctx: Context): void {
  ctx.set('WWW-Authenticate', 'Basic realm="toolgate", charset="UTF-8"')
}

/** Answers what the caller did wrong, or that it cannot be served now. Throws what is neither. */
export function answerRefusal(ctx: Context, error: unknown): void {
  const code = error instanceof AppError ? OAUTH_ERRORS[error.code] : undefined
  if (!(error instanceof AppError) || !code) throw error
  if (error.code === 'unauthenticated') challengeClient(ctx)
  if (error.code === 'unavailable' || error.code === 'throttled') ctx.set('Retry-After', '1')
  // The rest of the body is unread.
  if (error.code === 'payload_too_large') ctx.set('Connection', 'close')
  answerOAuthError(ctx, error.status, code, error.message)
}
