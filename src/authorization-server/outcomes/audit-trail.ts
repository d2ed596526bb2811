import type { Context, Middleware } from 'koa'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { AuditEvent } from '../../audit/events/audit-event.ts'
import { recordedBy } from '../../audit/log/action-origin.ts'
import type { AuditLog } from '../../audit/log/audit-log.ts'
import { type Actor, UNAUTHENTICATED } from '../../audit-chain/actor.ts'
import { sha256 } from '../../base/digest.ts'
import { withoutSecrets } from '../../base/redaction.ts'
import { receiverNames } from '../../clients/registration/receiver.ts'
import type { GoneGrant } from '../../grants/grant-store.ts'
import { requestOrigin } from '../../http/request-context.ts'
import type { UnitOfWork } from '../tokens/unit-of-work.ts'
import { followChallenge } from './attempt.ts'

/** The outcome of every protocol request as audit events, recorded before the response leaves. */
export type EngineContext = Context & Partial<Pick<KoaContextWithOIDC, 'oidc'>>

/** What every event of one request says: who, through which client, from where. */
function baseEvent(ctx: EngineContext) {
  const { Account, Grant } = ctx.oidc?.entities ?? {}
  // A denial ends before the engine has loaded the account; the browser's session still says who denied.
  const id = Account?.accountId ?? ctx.oidc?.session?.accountId
  const actor: Actor = id === undefined ? UNAUTHENTICATED : { kind: 'account', id }
  return {
    ...recordedBy({ ...requestOrigin(ctx), actor }),
    account_id: id ?? Grant?.accountId,
    client_id: clientsOf(ctx).client_id,
    grant_id: Grant?.jti,
  }
}

/** With these a request can end before its client has proven to be the one it says. RFC 6749 §5.2 */
const BEFORE_AUTHENTICATION: readonly unknown[] = ['invalid_client', 'invalid_request']

/** The client that is known here, and has proven itself where it has a credential; else what it said it is. */
function clientsOf(ctx: EngineContext): { client_id?: string; presented_client_id?: string } {
  const client = ctx.oidc?.entities.Client
  const { error } = (ctx.body ?? {}) as { error?: unknown }
  const is_known = client?.clientAuthMethod === 'none' || !BEFORE_AUTHENTICATION.includes(error)
  if (client && is_known) return { client_id: client.clientId }
  // Who an unknown client says it is tells operators which client to look for.
  const claimed = ctx.oidc?.params?.client_id ?? client?.clientId
  return typeof claimed === 'string' ? { presented_client_id: claimed } : {}
}

function refusal(ctx: EngineContext) {
  const { error, error_description } = (ctx.body ?? {}) as Record<string, unknown>
  const { presented_client_id } = clientsOf(ctx)
  return {
    status: String(ctx.status),
    error: textOf(error),
    error_description: textOf(error_description),
    presented_client_id,
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** The name of a code or token in the log; undefined for what is none. */
function nameOf(bearer: unknown): string | undefined {
  return typeof bearer === 'string' && bearer !== '' ? sha256(bearer).toString('base64url') : undefined
}

/** What a token response was given for, and the refresh token in it: the links between the events of one grant. */
function links(ctx: EngineContext) {
  const { grant_type, code, refresh_token } = ctx.oidc?.params ?? {}
  return {
    code_id: grant_type === 'authorization_code' ? nameOf(code) : undefined,
    spent_refresh_token_id: grant_type === 'refresh_token' ? nameOf(refresh_token) : undefined,
    refresh_token_id: nameOf((ctx.body as Issued).refresh_token),
  }
}

type Issued = { access_token?: unknown; refresh_token?: unknown; scope?: unknown }

function issuedEvent(ctx: EngineContext, unit: UnitOfWork): AuditEvent {
  const body = ctx.body as Issued
  const type = unit.replay ? 'refresh_token.replayed' : unit.rotation ? 'token.refreshed' : 'token.issued'
  const audience = ctx.oidc?.entities.AccessToken?.aud
  return {
    type,
    ...baseEvent(ctx),
    resource: textOf(audience),
    scope: textOf(body.scope),
    token_id: nameOf(body.access_token),
    detail: links(ctx),
  }
}

function reusedEvent(ctx: EngineContext, grant: GoneGrant): AuditEvent {
  const { grant_type, code, refresh_token } = ctx.oidc?.params ?? {}
  const is_refresh = grant_type === 'refresh_token'
  const presented_id = nameOf(is_refresh ? refresh_token : code)
  const detail = { presented: is_refresh ? 'refresh_token' : 'authorization_code', presented_id } as const
  const { id: grant_id, account_id, resource } = grant
  const whose = { grant_id, account_id, resource: resource ?? undefined }
  // Whoever bears a token that was spent may have stolen it.
  return { type: 'refresh_token.reused', ...baseEvent(ctx), actor: UNAUTHENTICATED, ...whose, detail }
}

function tokenEvent(ctx: EngineContext, unit: UnitOfWork): AuditEvent {
  if (ctx.status === 200) return issuedEvent(ctx, unit)
  if (unit.revoked_grant) return reusedEvent(ctx, unit.revoked_grant)
  return refusedEvent(ctx)
}

/** A client that proved to be the one it says acts itself, also where it is refused. */
function refusedEvent(ctx: EngineContext): AuditEvent {
  const { client_id } = clientsOf(ctx)
  const has_proof = client_id !== undefined && ctx.oidc?.entities.Client?.clientAuthMethod !== 'none'
  const by_client = has_proof ? { actor: { kind: 'client', id: client_id } as const } : {}
  return { type: 'token.refused', ...baseEvent(ctx), ...by_client, decision: 'denied', detail: refusal(ctx) }
}

function revocationEvent(ctx: EngineContext, unit: UnitOfWork): AuditEvent {
  const { AccessToken, RefreshToken, Client } = ctx.oidc?.entities ?? {}
  const token = RefreshToken ?? AccessToken
  const base = baseEvent(ctx)
  if (ctx.status !== 200 || !Client) return refusedEvent(ctx)
  const by_client: Actor = { kind: 'client', id: Client.clientId }
  if (token?.clientId !== Client.clientId) {
    const actor = Client.clientAuthMethod === 'none' ? UNAUTHENTICATED : by_client
    return { type: 'token.revoked', ...base, actor, detail: { found: false } }
  }
  return {
    type: 'token.revoked',
    ...base,
    // Also without a credential: whoever bears the token was given it.
    actor: by_client,
    account_id: token.accountId,
    grant_id: unit.revoked_grant?.id ?? token.grantId,
    token_id: nameOf(token.jti),
    resource: unit.revoked_grant?.resource ?? textOf(AccessToken?.aud),
    detail: { found: true, token: RefreshToken ? 'refresh_token' : 'access_token' },
  }
}

type Registered = { client_id?: string; client_name?: string; redirect_uris?: string[] }

function registrationEvent(ctx: EngineContext, unit: UnitOfWork): AuditEvent {
  const base = baseEvent(ctx)
  if (ctx.status !== 201) return { type: 'client.registration_refused', ...base, detail: refusal(ctx) }
  const { client_id, client_name = '', redirect_uris = [] } = ctx.body as Registered
  const registered_before = unit.registered_before || undefined
  const detail = { client_name, redirect_uris, receivers: receiverNames(redirect_uris), registered_before }
  return { type: 'client.registered', ...base, client_id, detail }
}

/** Events of POST /token, /revoke and /register; they commit with what the request changed. */
export function tokenEndpointEvents(ctx: Context, unit: UnitOfWork): AuditEvent[] {
  if (ctx.path === '/register') return [registrationEvent(ctx, unit)]
  if (ctx.path === '/revoke') return [revocationEvent(ctx, unit)]
  return [tokenEvent(ctx, unit)]
}

/** Notes on the request how its authorization ended; the engine tells by events, which nobody can await. */
export function noteAuthorizationOutcomes(provider: Provider): void {
  provider.on('authorization.success', (ctx, answer: { code?: unknown } | undefined) => {
    ctx.state.authorization = { outcome: 'granted', code_id: nameOf(answer?.code) }
  })
  provider.on('authorization.error', (ctx, error) => {
    ctx.state.authorization = {
      outcome: error.error === 'access_denied' ? 'denied' : 'refused',
      error: error.error,
      error_description: error.error_description,
    }
  })
  provider.on('server_error', (ctx, error) => {
    ctx.state.server_error = error
  })
}

type Outcome = {
  outcome: 'granted' | 'denied' | 'refused'
  code_id?: string | undefined
  error?: string
  error_description?: string
}

function authorizationEvent(ctx: EngineContext, { outcome, code_id, ...refused }: Outcome): AuditEvent {
  const { resource } = ctx.oidc?.params ?? {}
  const base = {
    ...baseEvent(ctx),
    resource: outcome === 'granted' ? textOf(resource) : withoutSecrets(textOf(resource) ?? '') || undefined,
    scope:
      (typeof resource === 'string' && ctx.oidc?.entities.Grant?.getResourceScope(resource)) || undefined,
  }
  if (outcome === 'granted')
    return { type: 'authorization.granted', ...base, decision: 'allowed', detail: { code_id } }
  const { presented_client_id } = clientsOf(ctx)
  const detail = { ...refused, presented_client_id }
  return { type: `authorization.${outcome}`, ...base, decision: 'denied', detail }
}

/** Holds back the answer of an authorization until its event is committed; without the record there is no code. */
export function authorizationAudit(audit: AuditLog): Middleware {
  return async (ctx, next) => {
    await next()
    const outcome = ctx.state.authorization as Outcome | undefined
    followChallenge(ctx, (ctx as EngineContext).oidc?.params?.code_challenge)
    if (outcome && ctx.state.server_error === undefined) await audit.append(authorizationEvent(ctx, outcome))
  }
}
