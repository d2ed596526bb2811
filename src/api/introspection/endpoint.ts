import type { IncomingMessage } from 'node:http'
import type { Context, Middleware } from 'koa'
import { answerRefusal, challengeClient } from '../../authorization-server/outcomes/oauth-error.ts'
import { refuseMethod } from '../../http/allowed-methods.ts'
import { OAUTH_FORM_LIMIT_BYTES, readForm } from '../../http/read-body.ts'
import { nameRoute, requestOrigin } from '../../http/request-context.ts'
import type { IntrospectionBatch } from './batch.ts'
import type { Decision } from './decision.ts'
import { readQuestion } from './question.ts'

/**
 * POST /introspect (RFC 7662) with two parameters of MCP's: `mcp_method` and `mcp_name`. Parse, wait for the
 * batch, answer. The hot path: no session, no cookie, no oidc-provider.
 */
export const INTROSPECTION_PATH = '/introspect'

const begun = new WeakMap<IncomingMessage, Promise<Decision>>()

/** For a request whose body is read already: its decision, or why there is none, for the endpoint to answer with. */
export function handOver(req: IncomingMessage, decision: Promise<Decision>): void {
  begun.set(req, decision)
}

async function ask(ctx: Context, batch: IntrospectionBatch): Promise<Decision> {
  const form = await readForm(ctx, { limit_bytes: OAUTH_FORM_LIMIT_BYTES })
  const authorization = ctx.get('authorization') || undefined
  return batch.ask(readQuestion(form, { authorization, ...requestOrigin(ctx) }))
}

/** POST /introspect. Answers 200, 400, 401, 405, 413, 415 or 503; never before its audit event is committed. */
export function introspectionEndpoint(batch: IntrospectionBatch): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== INTROSPECTION_PATH) return next()
    nameRoute(ctx, INTROSPECTION_PATH)
    if (ctx.method !== 'POST') return refuseMethod(ctx, ['POST'])
    ctx.set('Cache-Control', 'no-store')
    try {
      const decision = await (begun.get(ctx.req) ?? ask(ctx, batch))
      ctx.status = decision.status
      ctx.body = decision.body
      if (decision.status === 401) challengeClient(ctx)
    } catch (error) {
      answerRefusal(ctx, error)
    }
  }
}
