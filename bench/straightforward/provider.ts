import type { Knex } from 'knex'
import { Provider } from 'oidc-provider'
import { RESOURCE } from '../workload.ts'
import { adapterFactory } from './adapter.ts'

const TOKEN_TTL_SECONDS = 24 * 60 * 60

/** oidc-provider with introspection on, and an audit row for every introspection before its answer leaves. */
export function createProvider(issuer: string, db: Knex): Provider {
  const provider = new Provider(issuer, {
    adapter: adapterFactory(db),
    scopes: ['notes:read', 'notes:write'],
    ttl: { AccessToken: TOKEN_TTL_SECONDS, Grant: TOKEN_TTL_SECONDS },
    findAccount: async (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
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
          accessTokenTTL: TOKEN_TTL_SECONDS,
        }),
      },
    },
    extraClientMetadata: { properties: ['resource'] },
    routes: { introspection: '/introspect' },
  })
  provider.use(async (ctx, next) => {
    await next()
    if (ctx.oidc?.route !== 'introspection') return
    const { client, AccessToken: token } = ctx.oidc.entities
    await db('audit_events').insert({
      type: 'token.introspected',
      active: (ctx.body as { active?: boolean }).active === true,
      asked_by: client?.clientId,
      account_id: token?.accountId,
      client_id: token?.clientId,
      grant_id: token?.grantId,
      scope: token?.scope,
      ip: ctx.ip,
    })
  })
  return provider
}
