import type { Knex } from 'knex'
import type { Middleware } from 'koa'
import { type Client, Provider } from 'oidc-provider'
import type { AuditLog } from '../audit/log/audit-log.ts'
import { secretMatches } from '../clients/client-secret.ts'
import { isRegisteredRedirectUri } from '../clients/registration/redirect-matching.ts'
import type { Config } from '../config/config.ts'
import { type ConfigurationDependencies, engineConfiguration } from './configuration.ts'
import { openEndpoints } from './endpoints.ts'
import { metadataMiddleware } from './metadata.ts'
import { authorizationAudit, noteAuthorizationOutcomes } from './outcomes/audit-trail.ts'
import { heldRedirects } from './outcomes/held-redirect.ts'
import { traceErrors } from './outcomes/trace-errors.ts'
import { registrationMiddleware } from './registration.ts'
import { requestTolerance } from './request-tolerance.ts'
import { Rotations } from './tokens/rotations.ts'
import { tokenTransaction } from './tokens/token-transaction.ts'

/** The protocol engine (oidc-provider) with everything of ours around it. It lives in this folder and `interactions/`. */
export type AuthorizationServer = { provider: Provider; middleware: Middleware[] }

/** A failure of ours inside the engine is not the client's `server_error`: it goes to the error handler. */
const failOutside: Middleware = async (ctx, next) => {
  await next()
  if (ctx.state.server_error !== undefined) throw ctx.state.server_error
}

/** Only digests of client secrets are stored, so the comparison is ours. */
function compareByDigest(provider: Provider): void {
  Object.defineProperty(provider.Client.prototype, 'compareClientSecret', {
    value(this: { clientSecret?: string }, presented: unknown) {
      return secretMatches(presented, this.clientSecret)
    },
  })
}

function offersOf({ registration, client_documents }: Config) {
  return {
    registration: registration.mode !== 'closed',
    documents: client_documents.mode !== 'closed' || client_documents.dry_run,
  }
}

/** Redirect URIs are compared by our rules, for every way a client came to be known. */
function matchRedirectUris(provider: Provider): void {
  Object.defineProperty(provider.Client.prototype, 'redirectUriAllowed', {
    value(this: Client, presented: string) {
      return isRegisteredRedirectUri(presented, this.redirectUris ?? [], this.applicationType)
    },
  })
}

export function createAuthorizationServer(
  dependencies: ConfigurationDependencies & { audit: AuditLog; tokens: Knex },
): AuthorizationServer {
  const { config, db, tokens, catalogues, audit } = dependencies
  const { refresh_grace_seconds } = config.tokens
  const rotations = new Rotations({ db: tokens, audit })
  const provider = new Provider(config.issuer, engineConfiguration(dependencies))
  compareByDigest(provider)
  matchRedirectUris(provider)
  noteAuthorizationOutcomes(provider)
  provider.proxy = config.http.trusted_proxy_hops > 0

  provider.use(failOutside)
  provider.use(traceErrors)
  provider.use(metadataMiddleware({ issuer: config.issuer, db, catalogues, offers: offersOf(config) }))
  provider.use(openEndpoints)
  provider.use(heldRedirects({ db, render: dependencies.render }))
  provider.use(authorizationAudit(audit))
  provider.use(tokenTransaction({ db, tokens, audit, rotations, refresh_grace_seconds }))
  provider.use(
    registrationMiddleware({
      db: tokens,
      registration: { ...config.registration, app_schemes: config.app_schemes },
    }),
  )
  provider.use(requestTolerance({ db, catalogues, rotations }))
  return { provider, middleware: provider.middleware }
}
