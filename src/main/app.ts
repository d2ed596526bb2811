import type { RequestListener } from 'node:http'
import type Router from '@koa/router'
import Koa from 'koa'
import type { Logger } from 'pino'
import { IntrospectionBatch } from '../api/introspection/batch.ts'
import { introspectionEndpoint } from '../api/introspection/endpoint.ts'
import { ResourceServerSessions } from '../api/introspection/resource-server-session.ts'
import { introspectionShortCut } from '../api/introspection/short-cut.ts'
import { type OperatorDependencies, operatorApi } from '../api/operator-api/api.ts'
import { builtIn } from '../api/operator-api/operator-resource.ts'
import { type OperatorMcpDependencies, operatorMcp } from '../api/operator-mcp/server.ts'
import { reportsEndpoint } from '../api/reports/endpoint.ts'
import { type IntakeDependencies, ReportIntake } from '../api/reports/intake.ts'
import { ChangeFeed } from '../api/revocation-feed/change-feed.ts'
import { changesEndpoint } from '../api/revocation-feed/endpoint.ts'
import { TAKING_TYPES } from '../api/revocation-feed/taken-away.ts'
import { Announcer } from '../audit/live/announcer.ts'
import { EventFeed } from '../audit/live/event-feed.ts'
import { AUDIT_WRITERS, AuditLog } from '../audit/log/audit-log.ts'
import type { Keys } from '../authorization-server/keys.ts'
import { errorPage } from '../authorization-server/outcomes/render-error.ts'
import { createAuthorizationServer } from '../authorization-server/provider.ts'
import { CatalogueCache } from '../catalogue/catalogue-store.ts'
import { Admission } from '../clients/documents/admission.ts'
import type { DocumentNetwork } from '../clients/documents/document-fetch.ts'
import { MetadataDocuments } from '../clients/documents/metadata-documents.ts'
import { ClientKeys } from '../clients/keys/client-keys.ts'
import type { Config } from '../config/config.ts'
import { accessLog } from '../http/access-log.ts'
import { allowedMethods } from '../http/allowed-methods.ts'
import { basePath, belowIssuer } from '../http/base-path.ts'
import { cors, preflight } from '../http/cors.ts'
import { errorHandler } from '../http/error-handler.ts'
import { healthRoutes } from '../http/health.ts'
import { hostCheck } from '../http/host-check.ts'
import { createRenderer } from '../http/render.ts'
import { requestContext } from '../http/request-context.ts'
import { securityHeaders } from '../http/security-headers.ts'
import { staticFiles } from '../http/static-files.ts'
import { ACCOUNT_PAGES } from '../pages/account/routes.ts'
import { interactionRoutes } from '../pages/consent/routes.ts'
import { OPERATOR_PAGES } from '../pages/operator/routes.ts'
import type { PageDependencies } from '../pages/page.ts'
import { pageRoutes } from '../pages/pages.ts'
import { signInRoutes } from '../pages/sign-in/sign-in.ts'
import { UserAgents } from '../personal-tokens/user-agents.ts'
import type { Database } from '../storage/database.ts'
import { UsageRecorder } from '../usage/usage.ts'

/** The composition root: every room is built here, once, and mounted below in the order in which requests pass. */
export type AppDependencies = {
  config: Config
  keys: Keys
  database: Database
  log: Logger
  /** Where clients' documents and keys are fetched from, when it is not the public Internet. */
  document_network?: DocumentNetwork
}

/**
 * `feed` has to be closed before connections are drained: whoever follows the log keeps one open. `usage` is closed after
 * that and before the database, into which it writes what it still has. `user_agents` has to be flushed now and then.
 */
export type App = {
  listener: RequestListener
  audit: AuditLog
  feed: EventFeed
  usage: UsageRecorder
  user_agents: UserAgents
}

type ResourceServerDependencies = IntakeDependencies & {
  audit: AuditLog
  issuer: string
  batch: IntrospectionBatch
  feed: EventFeed
}

function mount(koa: Koa, router: Router): void {
  koa.use(router.routes()).use(allowedMethods(router))
}

/** What resource servers ask, tell, and hear. */
function mountResourceServers(koa: Koa, dependencies: ResourceServerDependencies): void {
  const sessions = new ResourceServerSessions(dependencies)
  koa.use(introspectionEndpoint(dependencies.batch))
  koa.use(reportsEndpoint({ sessions, intake: new ReportIntake(dependencies) }))
  koa.use(changesEndpoint({ changes: new ChangeFeed(dependencies), sessions }))
}

function mountOperator(koa: Koa, dependencies: OperatorDependencies & OperatorMcpDependencies): void {
  mount(koa, operatorApi(dependencies))
  mount(koa, operatorMcp(dependencies))
}

function mountPages(koa: Koa, dependencies: PageDependencies): void {
  mount(koa, signInRoutes(dependencies))
  mount(koa, pageRoutes(dependencies, [...OPERATOR_PAGES, ...ACCOUNT_PAGES]))
}

function createKoa({ cookies }: Keys, { http }: Config): Koa {
  const koa = new Koa({ keys: cookies })
  koa.proxy = http.trusted_proxy_hops > 0
  koa.maxIpsCount = http.trusted_proxy_hops
  koa.silent = true
  return koa
}

function listenerOf(koa: Koa, batch: IntrospectionBatch, issuer: string): RequestListener {
  const listener = koa.callback()
  return koa.proxy ? listener : introspectionShortCut({ batch, issuer }, listener)
}

export function createApp(dependencies: AppDependencies): App {
  const { config, keys, database, log, document_network } = dependencies
  const { issuer } = config
  const { knex: db, tokens, hot } = database

  const audit = new AuditLog(hot, { writers: AUDIT_WRITERS, announcer: new Announcer(db, TAKING_TYPES) })
  const feed = new EventFeed(db)
  const catalogues = new CatalogueCache(builtIn(issuer))
  const render = createRenderer({ base_path: basePath(issuer) })
  const { catalogue_file } = config
  const { checkpoint_interval_seconds } = config.audit
  const shared = { db, audit, catalogues, render, issuer, catalogue_file, checkpoint_interval_seconds }

  const published = { db, network: document_network }
  const admission = new Admission(config.client_documents, audit)
  const documents = new MetadataDocuments({ ...published, admission })
  const client_keys = new ClientKeys(published)
  const usage = new UsageRecorder(db, log)
  const user_agents = new UserAgents(db)
  const batch = new IntrospectionBatch({ ...shared, hot, usage, user_agents })
  const { provider, middleware: engine } = createAuthorizationServer({
    ...shared,
    tokens,
    config,
    keys,
    documents,
    client_keys,
    renderError: errorPage(render),
  })
  const interactions = interactionRoutes({ ...shared, provider, form_key: keys.forms })

  const koa = createKoa(keys, config)
  koa.use(requestContext())
  koa.use(accessLog(log))
  koa.use(securityHeaders({ issuer }))
  koa.use(cors(issuer))
  koa.use(errorHandler({ log, render }))
  koa.use(hostCheck(new URL(issuer).host))
  koa.use(belowIssuer(issuer))
  koa.use(preflight)
  mount(koa, healthRoutes(database))
  mountResourceServers(koa, { ...shared, batch, feed, usage })
  koa.use(staticFiles())
  mount(koa, interactions)
  mountOperator(koa, { ...shared, batch, feed, log })
  mountPages(koa, { ...shared, feed, form_key: keys.forms })
  for (const each of engine) koa.use(each)
  return { listener: listenerOf(koa, batch, issuer), audit, feed, usage, user_agents }
}
