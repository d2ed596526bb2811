import type { Knex } from 'knex'
import { type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { RESOURCE } from '../seeds/workload.ts'
import { adapterFactory } from './adapter.ts'

const DAY_SECONDS = 24 * 60 * 60

const ttl = {
  AccessToken: DAY_SECONDS,
  AuthorizationCode: DAY_SECONDS,
  Grant: DAY_SECONDS,
  RefreshToken: DAY_SECONDS,
}

/** oidc-provider with introspection and rotation on, and an audit row for every answer before it leaves. */
export function createProvider(issuer: string, db: Knex): Provider {
  const provider = new Provider(issuer, {
    adapter: adapterFactory(db),
    scopes: ['notes:read', 'notes:write'],
    ttl,
    findAccount: async (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    issueRefreshToken: async () => true,
    expiresWithSession: async () => false,
    rotateRefreshToken: true,
    features: {
      devInteractions: { enabled: false },
      introspection: {
        enabled: true,
        // RFC 7662 §4: only the resource server that the token was issued for.
        allowedPolicy: async (_ctx, client, token) => 'aud' in token && token.aud === client.resource,
      },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: async () => ({
          scope: 'notes:read notes:write',
          audience: RESOURCE,
          accessTokenFormat: 'opaque',
          accessTokenTTL: DAY_SECONDS,
        }),
      },
    },
    extraClientMetadata: { properties: ['resource'] },
    routes: { introspection: '/introspect', token: '/token' },
  })
  provider.use(async (ctx, next) => {
    await next()
    const { oidc } = ctx as KoaContextWithOIDC
    if (oidc?.route === 'introspection' || oidc?.route === 'token')
      await record(db, ctx as KoaContextWithOIDC)
  })
  return provider
}

async function record(db: Knex, ctx: KoaContextWithOIDC): Promise<void> {
  const { client, entities } = ctx.oidc
  const { AccessToken: token } = entities
  const is_introspection = ctx.oidc.route === 'introspection'
  await db('audit_events').insert({
    type: is_introspection ? 'token.introspected' : 'token.issued',
    active: is_introspection ? (ctx.body as { active?: boolean }).active === true : ctx.status === 200,
    asked_by: client?.clientId,
    account_id: token?.accountId,
    client_id: token?.clientId,
    grant_id: token?.grantId,
    scope: token?.scope,
    ip: ctx.ip,
  })
}
