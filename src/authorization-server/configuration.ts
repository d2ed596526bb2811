import type { Knex } from 'knex'
import {
  type Configuration,
  errors,
  interactionPolicy,
  type KoaContextWithOIDC,
  type Provider,
} from 'oidc-provider'
import { findActiveAccount } from '../accounts/account-store.ts'
import type { CatalogueCache } from '../catalogue/catalogue-store.ts'
import { generateSecret } from '../clients/client-secret.ts'
import type { Config } from '../config/config.ts'
import { basePath } from '../http/base-path.ts'
import type { Renderer } from '../http/render.ts'
import { createAdapterFactory, type PublishedClients } from './adapters/adapter.ts'
import type { Keys } from './keys.ts'
import { freshPassword } from './operator-resource-rules.ts'
import { errorPage } from './outcomes/render-error.ts'
import { defaultResource, type ResourceDependencies, resourceServerInfo } from './resource-indicators.ts'
import { connectionFor, currentUnit } from './tokens/unit-of-work.ts'

/** The engine's whole configuration, as one literal. What needs a reason has it beside it. */
export type ConfigurationDependencies = PublishedClients & {
  config: Config
  keys: Keys
  db: Knex
  catalogues: CatalogueCache
  render: Renderer
}

const SESSION_TTL_SECONDS = 8 * 60 * 60
const INTERACTION_TTL_SECONDS = 60 * 60
const AUTHORIZATION_CODE_TTL_SECONDS = 60
const ASSERTION_LIFETIME_MAX_SECONDS = 60 * 60

/** Every authorization is consented to by a person, for this installation of the client, and has its own grant. */
function policy(dependencies: Parameters<typeof freshPassword>[0]) {
  const { base, Check } = interactionPolicy
  const prompts = base()
  prompts.get('login')?.checks.add(freshPassword(dependencies))
  prompts
    .get('consent')
    ?.checks.add(
      new Check('every_authorization', 'consent is asked every time', (ctx) =>
        ctx.oidc.result?.consent ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT,
      ),
    )
  return prompts
}

function findAccount(db: Knex) {
  return async (_ctx: KoaContextWithOIDC, id: string) => {
    const foreseen = currentUnit()?.foreseen?.state
    const account =
      foreseen?.token?.payload.accountId === id
        ? foreseen.account
        : // On the transaction's own connection: waiting for a second one while holding the first starves the pool.
          await findActiveAccount(await connectionFor(db), id)
    return (
      account && { accountId: account.id, roles: account.roles, claims: async () => ({ sub: account.id }) }
    )
  }
}

async function loadExistingGrant(ctx: KoaContextWithOIDC) {
  const grant_id = ctx.oidc.result?.consent?.grantId
  return grant_id ? (ctx.oidc.provider as Provider).Grant.find(grant_id) : undefined
}

/** RFC 7009 §2.1: revoking a refresh token ends its grant; revoking an access token ends that token only. */
function revokesGrant(ctx: KoaContextWithOIDC): boolean {
  return ctx.oidc.route !== 'revocation' || ctx.oidc.entities.AccessToken === undefined
}

function cookies(config: Config, keys: Keys): Configuration['cookies'] & object {
  const cookie = {
    signed: true,
    httpOnly: true,
    sameSite: 'lax',
    secure: config.issuer.startsWith('https:'),
  } as const
  return {
    keys: keys.cookies,
    names: { session: 'toolgate_session', interaction: 'toolgate_interaction', resume: 'toolgate_resume' },
    long: { ...cookie, path: basePath(config.issuer) || '/' },
    short: cookie,
  }
}

/** In seconds. */
function lifetimes(tokens: Config['tokens']): Configuration['ttl'] & object {
  return {
    AccessToken: tokens.access_token_ttl_seconds,
    AuthorizationCode: AUTHORIZATION_CODE_TTL_SECONDS,
    // The absolute lifetime of a family: rotation does not extend it.
    Grant: tokens.grant_ttl_seconds,
    Interaction: INTERACTION_TTL_SECONDS,
    RefreshToken: tokens.refresh_token_ttl_seconds,
    Session: SESSION_TTL_SECONDS,
  }
}

/** What the engine may do beyond the core; everything not named here is off. */
function features(resources: ResourceDependencies): Configuration['features'] & object {
  return {
    devInteractions: { enabled: false },
    userinfo: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    dPoP: { enabled: false },
    claimsParameter: { enabled: false },
    introspection: { enabled: false },
    // RFC 7009 §2.1: only the client that a token was issued to; others learn nothing about it.
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    registration: {
      enabled: true,
      idFactory: () => `cl_${generateSecret().slice(0, 22)}`,
      secretFactory: () => generateSecret(),
      issueRegistrationAccessToken: false,
    },
    registrationManagement: { enabled: false },
    // The adapter resolves such clients; the engine would fetch on every endpoint, and keep nothing.
    clientIdMetadataDocument: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: defaultResource(resources),
      getResourceServerInfo: resourceServerInfo(resources),
      useGrantedResource: async () => true,
    },
  }
}

/** How clients prove who they are, and from where they may call. */
function clientRules(config: Config): Partial<Configuration> {
  return {
    // Some clients take the first entry they see, so `none` leads.
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    clientDefaults: {
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method: 'none',
    },
    // http/cors.ts decides; the engine, which would refuse some origins, must not contradict it.
    clientBasedCORS: () => true,
    assertJwtClientAuthClaimsAndHeader: async (_ctx, claims) => {
      // RFC 7523bis: the audience is the issuer and nothing else, or an assertion for one server opens another.
      if (claims.aud !== config.issuer) throw new errors.InvalidClientAuth('aud must be the issuer')
      // Until then its jti is kept, for whoever makes up a client and signs.
      if (Number(claims.exp) > Date.now() / 1_000 + ASSERTION_LIFETIME_MAX_SECONDS)
        throw new errors.InvalidClientAuth('exp may be an hour ahead at most')
    },
  }
}

export function engineConfiguration(dependencies: ConfigurationDependencies): Configuration {
  const { config, keys, db, catalogues, documents, client_keys, render } = dependencies
  const { access_token_ttl_seconds, refresh_grace_seconds } = config.tokens
  const resources = { db, catalogues, access_token_ttl_seconds }
  return {
    adapter: createAdapterFactory({
      db,
      issuer: config.issuer,
      refresh_grace_seconds,
      documents,
      client_keys,
    }),
    jwks: keys.jwks as Configuration['jwks'] & object,
    routes: {
      authorization: '/authorize',
      token: '/token',
      registration: '/register',
      revocation: '/revoke',
      jwks: '/jwks',
    },
    cookies: cookies(config, keys),
    ttl: lifetimes(config.tokens),
    ...clientRules(config),
    scopes: [],
    claims: { openid: ['sub'] },
    responseTypes: ['code'],
    enabledJWA: { idTokenSigningAlgValues: ['RS256'] },
    pkce: { required: () => true },
    // MCP clients may not ask for offline_access and still need to stay connected.
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: async () => false,
    rotateRefreshToken: true,
    revokeGrantPolicy: revokesGrant,
    // What is fetched, src/clients fetches, after its checks.
    fetch: async () => {
      throw new Error('the engine fetches nothing by itself')
    },
    findAccount: findAccount(db),
    loadExistingGrant,
    interactions: {
      policy: policy(resources),
      url: (_ctx, interaction) => `${basePath(config.issuer)}/interaction/${interaction.uid}`,
    },
    renderError: errorPage(render),
    features: features(resources),
  }
}
