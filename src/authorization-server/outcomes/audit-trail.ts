import type { Context, Middleware } from 'koa'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { AuditEvent } from '../../audit/events/audit-event.ts'
import type { AuditLog } from '../../audit/log/audit-log.ts'
import { sha256 } from '../../base/digest.ts'
import type { GoneGrant } from '../../grants/grant-store.ts'
import { clientIp, requestId } from '../../http/request-context.ts'
import type { UnitOfWork } from '../tokens/unit-of-work.ts'
import { followChallenge } from './attempt.ts'

/** The outcome of every protocol request as audit events, recorded before the response leaves. */
export type EngineContext = Context & Partial<Pick<KoaContextWithOIDC, 'oidc'>>

/** What every event of one request says: who, through which client, from where. */
function baseEvent(ctx: EngineContext): Omit<AuditEvent, 'type'> {
  const entities = ctx.oidc?.entities ?? {}
  // A denial ends before the engine has loaded the account; the browser's session still says who denied.
  const account_id = entities.Account?.accountId ?? entities.Grant?.accountId ?? ctx.oidc?.session?.accountId
  const client_id = entities.Client?.clientId
  // Who an unknown client says it is tells operators which client to look for.
  const claimed = ctx.oidc?.params?.client_id
  return {
    actor: account_id ?? client_id ?? 'anonymous',
    account_id,
    client_id: client_id ?? (typeof claimed === 'string' ? claimed : undefined),
    grant_id: entities.Grant?.jti,
    request_id: requestId(ctx),
    ip: clientIp(ctx) ?? undefined,
  }
}

function refusal(ctx: Context): Record<string, string> {
  const body = (ctx.body ?? {}) as { error?: unknown; error_description?: unknown }
  const detail: Record<string, string> = { status: String(ctx.status) }
  if (typeof body.error === 'string') detail.error = body.error
  if (typeof body.error_description === 'string') detail.error_description = body.error_description
  return detail
}

/** The name of a code or token in the log; undefined for what is none. */
function nameOf(bearer: unknown): string | undefined {
  return typeof bearer === 'string' && bearer !== '' ? sha256(bearer).toString('base64url') : undefined
}

/** What a token response was given for, and the refresh token in it: the links between the events of one grant. */
function links(ctx: EngineContext): Record<string, string> {
  const { grant_type, code, refresh_token } = ctx.oidc?.params ?? {}
  const named = {
    code_id: grant_type === 'authorization_code' ? nameOf(code) : undefined,
    spent_refresh_token_id: grant_type === 'refresh_token' ? nameOf(refresh_token) : undefined,
    refresh_token_id: nameOf((ctx.body as Issued).refresh_token),
  }
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, id]) => (id === undefined ? [] : [[name, id]])),
  )
}

type Issued = { access_token?: unknown; refresh_token?: unknown; scope?: unknown }

function issuedEvent(ctx: EngineContext, unit: UnitOfWork): AuditEvent {
  const body = ctx.body as Issued
  const type = unit.replay ? 'refresh_token.replayed' : unit.rotation ? 'token.refreshed' : 'token.issued'
  const token = ctx.oidc?.entities.AccessToken
  const audience = token?.aud
  return {
    type,
    ...baseEvent(ctx),
    ...(typeof audience === 'string' ? { resource: audience } : {}),
    ...(typeof body.scope === 'string' ? { scope: body.scope } : {}),
    token_id: nameOf(body.access_token),
    detail: links(ctx),
  }
}

function reusedEvent(ctx: EngineContext, grant: GoneGrant): AuditEvent {
  const { grant_type, code, refresh_token } = ctx.oidc?.params ?? {}
  const isRefresh = grant_type === 'refresh_token'
  const presented_id = nameOf(isRefresh ? refresh_token : code) ?? null
  const presented = isRefresh ? 'refresh_token' : 'authorization_code'
  const detail = { presented, presented_id, family: 'revoked' }
  const { id: grant_id, account_id, resource } = grant
  const whose = { grant_id, account_id, resource: resource ?? undefined }
  return { type: 'refresh_token.reused', ...baseEvent(ctx), ...whose, detail }
}

function tokenEvent(ctx: EngineContext, unit: UnitOfWork): AuditEvent {
  if (ctx.status === 200) return issuedEvent(ctx, unit)
  if (unit.revoked_grant) return reusedEvent(ctx, unit.revoked_grant)
  return { type: 'token.refused', ...baseEvent(ctx), decision: 'denied', detail: refusal(ctx) }
}

function revocationEvent(ctx: EngineContext, unit: UnitOfWork): AuditEvent {
  const { AccessToken, RefreshToken } = ctx.oidc?.entities ?? {}
  const token = RefreshToken ?? AccessToken
  if (ctx.status !== 200)
    return { type: 'token.refused', ...baseEvent(ctx), decision: 'denied', detail: refusal(ctx) }
  const owned = token && token.clientId === ctx.oidc?.entities.Client?.clientId
  const grant = unit.revoked_grant?.id ?? (owned ? token.grantId : undefined)
  const audience = AccessToken?.aud
  const resource = unit.revoked_grant?.resource ?? (typeof audience === 'string' ? audience : undefined)
  return {
    type: 'token.revoked',
    ...baseEvent(ctx),
    ...(grant === undefined ? {} : { grant_id: grant }),
    ...(owned ? { account_id: token.accountId, token_id: nameOf(token.jti), resource } : {}),
    detail: owned
      ? { found: true, token: RefreshToken ? 'refresh_token' : 'access_token' }
      : { found: false },
  }
}

function registrationEvent(ctx: EngineContext, unit: UnitOfWork): AuditEvent {
  const base = baseEvent(ctx)
  if (ctx.status !== 201) return { type: 'client.registration_refused', ...base, detail: refusal(ctx) }
  const body = ctx.body as { client_id?: string; client_name?: string; redirect_uris?: string[] }
  const detail = { client_name: body.client_name ?? '', redirect_uris: body.redirect_uris ?? [] }
  if (unit.registered_before) Object.assign(detail, { registered_before: true })
  return { type: 'client.registered', ...base, client_id: body.client_id, detail }
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

function outcomeDetail({ code_id, error, error_description }: Outcome): Pick<AuditEvent, 'detail'> {
  if (error !== undefined) return { detail: { error, error_description: error_description ?? null } }
  return code_id === undefined ? {} : { detail: { code_id } }
}

function authorizationEvent(ctx: EngineContext, outcome_of: Outcome): AuditEvent {
  const { outcome } = outcome_of
  const { resource } = ctx.oidc?.params ?? {}
  const scope =
    typeof resource === 'string' ? ctx.oidc?.entities.Grant?.getResourceScope(resource) : undefined
  return {
    type: `authorization.${outcome}`,
    ...baseEvent(ctx),
    decision: outcome === 'granted' ? 'allowed' : 'denied',
    ...(typeof resource === 'string' ? { resource } : {}),
    ...(scope ? { scope } : {}),
    ...outcomeDetail(outcome_of),
  }
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
