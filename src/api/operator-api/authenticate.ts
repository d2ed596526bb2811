import type { Knex } from 'knex'
import type { Context } from 'koa'
import { findOperatorToken } from '../../accounts/operator-token-store.ts'
import { OPERATOR_TOKEN } from '../../accounts/operator-tokens.ts'
import type { Caller } from '../../actions/action.ts'
import { recordedBy } from '../../audit/log/action-origin.ts'
import type { AuditLog } from '../../audit/log/audit-log.ts'
import { UNAUTHENTICATED } from '../../audit-chain/actor.ts'
import { sha256 } from '../../base/digest.ts'
import { AppError } from '../../base/errors.ts'
import { bearerToken, requestOrigin, routeOf } from '../../http/request-context.ts'
import { decideMethod } from '../../permission/mcp-method.ts'
import type { IntrospectionBatch } from '../introspection/batch.ts'
import type { Question } from '../introspection/decision.ts'
import { tokenIdOf } from '../introspection/question.ts'
import { builtInCredentials } from '../introspection/resource-server-authentication.ts'
import { expandOperatorScopes, operatorResource, operatorResourceUrl } from './operator-resource.ts'

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

/** What is about to be done: an MCP method and the tool it names; nothing, when only the token is in question. */
export type Intent = { method?: string | undefined; name?: string | undefined }

/** RFC 7662 §2.2, as Toolgate answers itself. Times in seconds since the epoch. */
export type OwnToken = {
  active: true
  sub: string
  client_id: string
  scope: string
  aud: string
  exp: number
  mcp?: { method: string; name?: string; allowed: boolean; scope: string; tools?: string[] }
}

type Asked = ReturnType<typeof requestOrigin>

/** What the decision about a call says. `allowed` false: the caller is known and lacks `needed`. */
export type Admission = { caller: Caller; allowed: boolean; needed: string }

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
  const { body } = await batch.review(questionOf(issuer, token_id, intent, requestOrigin(ctx)))
  return body.active === true && (body as unknown as OwnToken).mcp?.allowed === true
}

/** Decides about the call and records that; undefined when no valid token came with it. */
async function admit(
  dependencies: AuthenticationDependencies,
  ctx: Context,
  intent: Intent,
): Promise<Admission | undefined> {
  const token = bearerToken(ctx)
  if (token === undefined) return undefined
  const own = await introspectOwn(dependencies, token, intent, requestOrigin(ctx))
  if (!own) return undefined
  const { allowed, scope } = own.mcp ?? { allowed: false, scope: '' }
  return { caller: callerOf(own, requestOrigin(ctx)), allowed, needed: scope }
}

/**
 * What Toolgate knows of a token for its own resource, with the decision on `intent`, which is recorded; undefined for
 * every other token.
 */
export async function introspectOwn(
  dependencies: AuthenticationDependencies,
  token: string,
  intent: Intent,
  from: Asked,
): Promise<OwnToken | undefined> {
  if (OPERATOR_TOKEN.test(token)) return introspectOperatorToken(dependencies, token, intent, from)
  const token_id = tokenIdOf(token)
  if (!token_id) return undefined
  const question = questionOf(dependencies.issuer, token_id, intent, from)
  const { body } = await dependencies.batch.ask(question)
  return body.active === true ? (body as unknown as OwnToken) : undefined
}

function questionOf(
  issuer: string,
  token_id: Buffer,
  { method, name }: Intent,
  { request_id, ip }: Asked,
): Question {
  return {
    credentials: builtInCredentials(operatorResourceUrl(issuer)),
    token_id,
    mcp_method: method,
    mcp_name: name,
    request_id,
    ip,
  }
}

/** An operator token is nobody's in particular, and came through no client. */
const OPERATOR_TOKEN_CLIENT = 'operator-token'

/** As actions know who came with this token. */
export function callerOf({ sub, client_id, scope }: OwnToken, from: Asked): Caller {
  const scopes = expandOperatorScopes(scope.split(' '))
  const kind = client_id === OPERATOR_TOKEN_CLIENT ? 'operator_token' : 'account'
  return { actor: { kind, id: sub }, scopes, ...from }
}

async function introspectOperatorToken(
  { db, audit, issuer }: AuthenticationDependencies,
  token: string,
  { method, name }: Intent,
  from: Asked,
): Promise<OwnToken | undefined> {
  const known = await findOperatorToken(db, sha256(token))
  if (!known) return undefined
  const scopes = [...expandOperatorScopes(known.scope.split(' '))]
  const resource = operatorResource(issuer)
  const own: OwnToken = {
    active: true,
    sub: known.id,
    client_id: OPERATOR_TOKEN_CLIENT,
    scope: scopes.join(' '),
    aud: resource.resource,
    exp: Math.floor(known.expires_at.getTime() / 1_000),
  }
  const actor = { kind: 'operator_token', id: known.id } as const
  const event = { ...recordedBy({ ...from, actor }), resource: own.aud, scope: own.scope }
  if (method === undefined) {
    const detail = { resource_server: 'toolgate' }
    await audit.append({ type: 'token.introspected', decision: 'active', ...event, detail })
    return own
  }
  const decided = decideMethod({ resource, effective: scopes }, { mcp_method: method, mcp_name: name })
  await audit.append({
    type: 'tool.decided',
    tool: name,
    decision: decided.allowed ? 'allowed' : 'denied',
    ...event,
    detail: { resource_server: 'toolgate', method, needed: decided.scope },
  })
  return { ...own, mcp: { method, ...(name === undefined ? {} : { name }), ...decided } }
}

/** Records that somebody came without a valid token. */
export async function recordStranger({ audit }: Pick<AuthenticationDependencies, 'audit'>, ctx: Context) {
  await audit.append({
    type: 'operator.refused',
    ...recordedBy({ ...requestOrigin(ctx), actor: UNAUTHENTICATED }),
    decision: 'denied',
    detail: { method: ctx.method, route: routeOf(ctx) },
  })
}

/** Who may do it. Throws `unauthenticated` or `forbidden`, with a challenge (RFC 6750 §3), after recording the refusal. */
export async function authenticateOperator(
  dependencies: AuthenticationDependencies,
  ctx: Context,
  intent: Intent,
): Promise<Caller> {
  const admission = await admit(dependencies, ctx, intent)
  if (!admission) {
    await recordStranger(dependencies, ctx)
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
