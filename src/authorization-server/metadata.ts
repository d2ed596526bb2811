import type { Knex } from 'knex'
import type { Middleware } from 'koa'
import { type Catalogue, publishedResources } from '../catalogue/catalogue.ts'
import type { CatalogueCache } from '../catalogue/catalogue-store.ts'
import { ASSERTION_ALGORITHMS } from '../clients/keys/key-set.ts'

/** What the discovery documents (RFC 8414, OpenID Connect Discovery) say beyond the engine's own answer. */
const ENDPOINTS = {
  authorization_endpoint: '/authorize',
  token_endpoint: '/token',
  registration_endpoint: '/register',
  revocation_endpoint: '/revoke',
  introspection_endpoint: '/introspect',
  jwks_uri: '/jwks',
  // Of ours: where resource servers say what came of calls (src/api/reports/).
  toolgate_reports_endpoint: '/introspect/reports',
} as const

/** Several clients ask for every scope they see here, so only the default scopes are shown; the rest is step-up. */
function advertisedScopes(catalogue: Catalogue | undefined): string[] {
  const published = catalogue ? publishedResources(catalogue) : []
  return [...new Set(published.flatMap((resource) => resource.default_scopes))]
}

/** The document as this installation publishes it: endpoints from the issuer, never from the Host header. */
export function publishedMetadata(
  issuer: string,
  engine: Record<string, unknown>,
  catalogue: Catalogue | undefined,
  offers: MetadataOffers,
): Record<string, unknown> {
  const endpoints = Object.fromEntries(Object.entries(ENDPOINTS).map(([name, path]) => [name, issuer + path]))
  const { registration_endpoint, ...others } = endpoints
  return {
    ...engine,
    ...others,
    registration_endpoint: offers.registration ? registration_endpoint : undefined,
    client_id_metadata_document_supported: offers.documents,
    issuer,
    scopes_supported: advertisedScopes(catalogue),
    grant_types_supported: ['authorization_code', 'refresh_token'],
    // RFC 8414 §2: where it is left out, clients take it for client_secret_basic alone.
    revocation_endpoint_auth_methods_supported: engine.token_endpoint_auth_methods_supported,
    revocation_endpoint_auth_signing_alg_values_supported:
      engine.token_endpoint_auth_signing_alg_values_supported,
    introspection_endpoint_auth_methods_supported: [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
    ],
    introspection_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
  }
}

const PATHS = new Set(['/.well-known/oauth-authorization-server', '/.well-known/openid-configuration'])

/** Which ways of becoming a client this installation offers. */
export type MetadataOffers = { registration: boolean; documents: boolean }

export function metadataMiddleware(options: {
  offers: MetadataOffers
  issuer: string
  db: Knex
  catalogues: CatalogueCache
}): Middleware {
  return async (ctx, next) => {
    await next()
    if (!PATHS.has(ctx.path) || !['GET', 'HEAD'].includes(ctx.method) || ctx.status !== 200) return
    const current = await options.catalogues.current(options.db)
    ctx.body = publishedMetadata(
      options.issuer,
      ctx.body as Record<string, unknown>,
      current?.catalogue,
      options.offers,
    )
    ctx.set('Cache-Control', 'public, max-age=300')
  }
}
