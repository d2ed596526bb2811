import type { Knex } from 'knex'
import type { Context } from 'koa'
import type { AuditLog } from '../audit/audit-log.ts'
import { sha256 } from '../clients/client-secret.ts'
import { AppError } from '../errors.ts'
import { clientIp, requestId } from '../http/request-context.ts'
import type { IntrospectionBatch } from '../introspection/batch.ts'
import { type Decision, decideMethod, type Question } from '../introspection/decision.ts'
import { tokenIdOf } from '../introspection/question.ts'
import { builtInCredentials } from '../introspection/resource-server-authentication.ts'
import type { Caller } from './action.ts'
import { expandOperatorScopes, operatorResource, operatorResourceUrl } from './operator-resource.ts'
import { findOperatorToken } from './operator-token-store.ts'
import { OPERATOR_TOKEN } from './operator-tokens.ts'

/**
 * Who calls the operator API and the operator's MCP server: an operator token, or an access token or personal access
 * token for Toolgate's own resource, which is introspected as any resource server would have it introspected. In the
 * Authorization header (RFC 6750 §2.1) and nowhere else. Every call is in the audit log before it runs.
 */
export type AuthenticationDependencies = {
  db: Knex
  audit: AuditLog
  batch: IntrospectionBatch
  issuer: string
}

/** What is about to be done: an MCP method and the tool it names. */
export type Intent = { method: string; name?: string | undefined }

/** What the decision about a call says. `allowed` false: the caller is known and lacks `needed`. */
export type Admission = { caller: Caller; allowed: boolean; needed: string }

function bearerToken(ctx: Context): string | undefined {
  const [scheme, token, ...rest] = ctx.get('authorization').split(' ')
  return scheme?.toLowerCase() === 'bearer' && token && rest.length === 0 ? token : undefined
}

/**
 * Whether the token that opened a long answer would still open it. Recorded nowhere: a stream of the audit log that
 * wrote into it would give itself something to tell for ever.
 */
export async function stillAuthenticated(
  { db, batch, issuer }: AuthenticationDependencies,
  ctx: Context,
  intent: Intent,
): Promise<boolean> {
  const token = bearerToken(ctx) ?? ''
  if (OPERATOR_TOKEN.test(token)) return (await findOperatorToken(db, sha256(token))) !== undefined
  const token_id = tokenIdOf(token)
  if (!token_id) return false
  return admissionOf(await batch.review(questionOf(issuer, ctx, token_id, intent)), ctx)?.allowed === true
}

/** Decides about the call and records that; undefined when no valid token came with it. */
export async function admit(
  dependencies: AuthenticationDependencies,
  ctx: Context,
  intent: Intent,
): Promise<Admission | undefined> {
  const token = bearerToken(ctx)
  if (token === undefined) return undefined
  if (OPERATOR_TOKEN.test(token)) return admitOperatorToken(dependencies, ctx, token, intent)
  const token_id = tokenIdOf(token)
  if (!token_id) return undefined
  const question = questionOf(dependencies.issuer, ctx, token_id, intent)
  return admissionOf(await dependencies.batch.ask(question), ctx)
}

function questionOf(issuer: string, ctx: Context, token_id: Buffer, { method, name }: Intent): Question {
  return {
    credentials: builtInCredentials(operatorResourceUrl(issuer)),
    token_id,
    mcp_method: method,
    mcp_name: name,
    ...circumstances(ctx),
  }
}

function admissionOf({ body }: Decision, ctx: Context): Admission | undefined {
  if (body.active !== true) return undefined
  const { sub, client_id, scope } = body as { sub: string; client_id: string; scope: string }
  const mcp = body.mcp as { allowed: boolean; scope: string }
  const scopes = expandOperatorScopes(scope.split(' '))
  return {
    caller: { actor: sub, account_id: sub, client_id, scopes, ...circumstances(ctx) },
    allowed: mcp.allowed,
    needed: mcp.scope,
  }
}

async function admitOperatorToken(
  { db, audit, issuer }: AuthenticationDependencies,
  ctx: Context,
  token: string,
  { method, name }: Intent,
): Promise<Admission | undefined> {
  const known = await findOperatorToken(db, sha256(token))
  if (!known) return undefined
  const scopes = expandOperatorScopes(known.scope.split(' '))
  const resource = operatorResource(issuer)
  const asked = { mcp_method: method, mcp_name: name }
  const { allowed, scope: needed } = decideMethod({ resource, effective: [...scopes] }, asked)
  const actor = `operator:${known.id}`
  await audit.append({
    type: 'tool.decided',
    actor,
    resource: resource.resource,
    tool: name,
    decision: allowed ? 'allowed' : 'denied',
    scope: [...scopes].join(' '),
    ...circumstances(ctx),
    detail: { resource_server: 'toolgate', method, needed },
  })
  return { caller: { actor, scopes, ...circumstances(ctx) }, allowed, needed }
}

function circumstances(ctx: Context): { request_id: string; ip: string | undefined } {
  return { request_id: requestId(ctx), ip: clientIp(ctx) ?? undefined }
}

/** Who may do it. Throws `unauthenticated` or `forbidden`, with a challenge (RFC 6750 §3), after recording the refusal. */
export async function authenticateOperator(
  dependencies: AuthenticationDependencies,
  ctx: Context,
  intent: Intent,
): Promise<Caller> {
  const admission = await admit(dependencies, ctx, intent)
  if (!admission) {
    await dependencies.audit.append({
      type: 'operator.refused',
      actor: 'anonymous',
      decision: 'denied',
      ...circumstances(ctx),
      detail: { method: ctx.method, path: ctx.path },
    })
    ctx.set('WWW-Authenticate', 'Bearer realm="operator"')
    throw new AppError(
      'unauthenticated',
      'Send an operator token; make one with: toolgate operator-tokens create',
    )
  }
  if (!admission.allowed) {
    ctx.set(
      'WWW-Authenticate',
      `Bearer realm="operator", error="insufficient_scope", scope="${admission.needed}"`,
    )
    throw new AppError('forbidden', `This needs the scope ${admission.needed}`)
  }
  return admission.caller
}
