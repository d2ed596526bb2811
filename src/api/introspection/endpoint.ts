import type { IncomingMessage } from 'node:http'
import type { Context, Middleware } from 'koa'
import { AppError, type ErrorCode } from '../../base/errors.ts'
import { refuseMethod } from '../../http/allowed-methods.ts'
import { readForm } from '../../http/read-body.ts'
import { requestOrigin } from '../../http/request-context.ts'
import type { IntrospectionBatch } from './batch.ts'
import type { Decision } from './decision.ts'
import { BODY_LIMIT_BYTES, readQuestion } from './question.ts'

/**
 * POST /introspect (RFC 7662) with two parameters of MCP's: `mcp_method` and `mcp_name`. Parse, wait for the
 * batch, answer. The hot path: no session, no cookie, no oidc-provider.
 */
export const INTROSPECTION_PATH = '/introspect'

const OAUTH_ERRORS: Partial<Record<ErrorCode, string>> = {
  invalid_input: 'invalid_request',
  unsupported_media_type: 'invalid_request',
  payload_too_large: 'invalid_request',
  unauthenticated: 'invalid_client',
  unavailable: 'temporarily_unavailable',
}

/** RFC 6749 §5.2: a 401 names the authentication scheme that would do. */
export const CHALLENGE = 'Basic realm="introspection", charset="UTF-8"'

/** As RFC 6749 §5.2 words it. Throws what is no refusal. */
export function answerError(ctx: Context, error: unknown): void {
  const code = error instanceof AppError ? OAUTH_ERRORS[error.code] : undefined
  if (!(error instanceof AppError) || !code) throw error
  ctx.status = error.status
  if (error.code === 'unavailable') ctx.set('Retry-After', '1')
  // The rest of the body is unread.
  if (error.code === 'payload_too_large') ctx.set('Connection', 'close')
  ctx.body = { error: code, error_description: error.message }
}

const begun = new WeakMap<IncomingMessage, Promise<Decision>>()

/** For a request whose body is read already: its decision, or why there is none, for the endpoint to answer with. */
export function handOver(req: IncomingMessage, decision: Promise<Decision>): void {
  begun.set(req, decision)
}

async function ask(ctx: Context, batch: IntrospectionBatch): Promise<Decision> {
  const form = await readForm(ctx, { limit_bytes: BODY_LIMIT_BYTES })
  const authorization = ctx.get('authorization') || undefined
  return batch.ask(readQuestion(form, { authorization, ...requestOrigin(ctx) }))
}

/** POST /introspect. Answers 200, 400, 401, 405, 413, 415 or 503; never before its audit event is committed. */
export function introspectionEndpoint(batch: IntrospectionBatch): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== INTROSPECTION_PATH) return next()
    if (ctx.method !== 'POST') return refuseMethod(ctx, ['POST'])
    ctx.set('Cache-Control', 'no-store')
    try {
      const decision = await (begun.get(ctx.req) ?? ask(ctx, batch))
      ctx.status = decision.status
      ctx.body = decision.body
    } catch (error) {
      answerError(ctx, error)
    }
    if (ctx.status === 401) ctx.set('WWW-Authenticate', CHALLENGE)
  }
}
