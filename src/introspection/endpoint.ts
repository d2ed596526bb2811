import type { Context, Middleware } from 'koa'
import { sha256 } from '../clients/client-secret.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import type { Form } from '../http/form.ts'
import { readForm } from '../http/read-body.ts'
import { clientIp, requestId } from '../http/request-context.ts'
import type { IntrospectionBatch } from './batch.ts'
import type { Question } from './decision.ts'
import { presentedCredentials } from './resource-server-authentication.ts'

/**
 * POST /introspect (RFC 7662) with two parameters of MCP's: `mcp_method` and `mcp_name`. Parse, wait for the
 * batch, answer. The hot path: no session, no cookie, no oidc-provider.
 */

/** Access tokens are 43 base64url characters; anything else is not looked up. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/
const BODY_LIMIT_BYTES = 16 * 1024
const METHOD_MAX = 128
const NAME_MAX = 2_048

const OAUTH_ERRORS: Partial<Record<ErrorCode, string>> = {
  invalid_input: 'invalid_request',
  unsupported_media_type: 'invalid_request',
  payload_too_large: 'invalid_request',
  unauthenticated: 'invalid_client',
  unavailable: 'temporarily_unavailable',
}

function limited(form: Form, name: string, max: number): string | undefined {
  const value = form.get(name)
  if (value === undefined || value === '') return undefined
  if (value.length > max) throw new AppError('invalid_input', `${name} is longer than ${max} characters`)
  return value
}

function readQuestion(ctx: Context, form: Form): Question {
  const credentials = presentedCredentials(ctx.get('authorization') || undefined, form)
  const token = form.get('token')
  if (token === undefined || token === '') throw new AppError('invalid_input', 'token is missing')
  const mcp_method = limited(form, 'mcp_method', METHOD_MAX)
  const mcp_name = limited(form, 'mcp_name', NAME_MAX)
  if (mcp_name !== undefined && mcp_method === undefined)
    throw new AppError('invalid_input', 'mcp_name needs mcp_method')
  if (mcp_method === 'tools/call' && mcp_name === undefined)
    throw new AppError('invalid_input', 'mcp_method tools/call needs mcp_name, the name of the tool')
  return {
    credentials,
    token_id: TOKEN.test(token) ? sha256(token) : undefined,
    mcp_method,
    mcp_name,
    request_id: requestId(ctx),
    ip: clientIp(ctx) ?? undefined,
  }
}

function answerError(ctx: Context, error: unknown): void {
  const code = error instanceof AppError ? OAUTH_ERRORS[error.code] : undefined
  if (!(error instanceof AppError) || !code) throw error
  ctx.status = error.status
  if (error.code === 'unavailable') ctx.set('Retry-After', '1')
  ctx.body = { error: code, error_description: error.message }
}

/** RFC 6749 §5.2: a 401 names the authentication scheme that would do. */
const CHALLENGE = 'Basic realm="introspection", charset="UTF-8"'

/** POST /introspect. Answers 200, 400, 401, 413, 415 or 503; never before its audit event is committed. */
export function introspectionEndpoint(batch: IntrospectionBatch): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== '/introspect' || ctx.method !== 'POST') return next()
    ctx.set('Cache-Control', 'no-store')
    try {
      const form = await readForm(ctx, { limit_bytes: BODY_LIMIT_BYTES })
      const decision = await batch.ask(readQuestion(ctx, form))
      ctx.status = decision.status
      ctx.body = decision.body
    } catch (error) {
      answerError(ctx, error)
    }
    if (ctx.status === 401) ctx.set('WWW-Authenticate', CHALLENGE)
  }
}
