import type { RequestListener } from 'node:http'
import type Router from '@koa/router'
import type { Knex } from 'knex'
import Koa from 'koa'
import type { Logger } from 'pino'
import type { ActionContext } from '../actions/action.ts'
import { IntrospectionBatch } from '../api/introspection/batch.ts'
import { introspectionEndpoint } from '../api/introspection/endpoint.ts'
import { ResourceServerSessions } from '../api/introspection/resource-server-session.ts'
import { introspectionShortCut } from '../api/introspection/short-cut.ts'
import { operatorApi } from '../api/operator-api/api.ts'
import { builtIn } from '../api/operator-api/operator-resource.ts'
import { operatorMcp } from '../api/operator-mcp/server.ts'
import { reportsEndpoint } from '../api/reports/endpoint.ts'
import { ReportIntake } from '../api/reports/intake.ts'
import { ChangeFeed } from '../api/revocation-feed/change-feed.ts'
import { changesEndpoint } from '../api/revocation-feed/endpoint.ts'
import { TAKING_TYPES } from '../api/revocation-feed/taken-away.ts'
import { Announcer } from '../audit/live/announcer.ts'
import { EventFeed } from '../audit/live/event-feed.ts'
import { AUDIT_WRITERS, AuditLog } from '../audit/log/audit-log.ts'
import { REFUSAL_LIMITS, type RefusalLimits } from '../audit/log/refusal-counter.ts'
import type { Keys } from '../authorization-server/keys.ts'
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
import { hostCheck, proxyContract } from '../http/host-check.ts'
import { leaveUnread } from '../http/read-body.ts'
import { createRenderer, type Renderer } from '../http/render.ts'
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

/** The composition root: every module is built here, once, and mounted below in the order in which requests pass. */
export type AppDependencies = {
  config: Config
  keys: Keys
  database: Database
  log: Logger
  /** Where clients' documents and keys are fetched from, when it is not the public Internet. */
  document_network?: DocumentNetwork
  /** How much of what callers do who did not authenticate is recorded one by one, where it is other than usual. */
  refusals?: RefusalLimits
}

export type App = {
  listener: RequestListener
  audit: AuditLog
  feed: EventFeed
  usage: UsageRecorder
  user_agents: UserAgents
  /**
   * Ends event streams, waits until `drained` says that no request is under way, then closes the log and writes what is
   * still in memory. The database stays open, and is closed after it.
   */
  close(drained?: () => Promise<unknown>): Promise<void>
}

function mount(koa: Koa, router: Router): void {
  koa.use(router.routes()).use(allowedMethods(router))
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

/** What clients say about themselves at addresses of their own. */
function publishedClients({ config, database, document_network: network }: AppDependencies, audit: AuditLog) {
  const { knex: db } = database
  const admission = new Admission(config.client_documents, audit)
  return {
    documents: new MetadataDocuments({ db, network, admission, app_schemes: config.app_schemes }),
    client_keys: new ClientKeys({ db, network }),
  }
}

/** The parts that keep something in memory, or a connection open: made before what is mounted, and closed after it. */
function createParts({ config: { issuer }, database, log, refusals = REFUSAL_LIMITS }: AppDependencies) {
  const { knex: db, hot } = database
  const audit = new AuditLog(hot, {
    writers: AUDIT_WRITERS,
    announcer: new Announcer(db, TAKING_TYPES),
    refusals,
  })
  const feed = new EventFeed(db)
  const catalogues = new CatalogueCache(builtIn(issuer))
  const usage = new UsageRecorder(db, log)
  const user_agents = new UserAgents(db)
  const batch = new IntrospectionBatch({ issuer, hot, db, catalogues, audit, usage, user_agents })
  return { audit, feed, catalogues, usage, user_agents, batch }
}

type Parts = ReturnType<typeof createParts>

async function closeParts({ feed, audit, usage, user_agents }: Parts, drained?: () => Promise<unknown>) {
  // Whoever follows the log keeps a connection open, which would not drain.
  await feed.close()
  await drained?.()
  await audit.close()
  await usage.close()
  // A hint for people: what cannot be written now is lost.
  await user_agents.flush().catch(() => undefined)
}

/** What every request passes before it is known whom it is for. */
function mountFrame(koa: Koa, issuer: string, log: Logger, render: Renderer): void {
  koa.use(requestContext())
  koa.use(accessLog(log))
  koa.use(securityHeaders({ issuer }))
  koa.use(cors(issuer))
  koa.use(leaveUnread)
  koa.use(errorHandler({ log, render }))
  koa.use(proxyContract(issuer, (message) => log.warn(message)))
  koa.use(hostCheck(new URL(issuer).host))
  koa.use(belowIssuer(issuer))
  koa.use(preflight)
}

/** What resource servers ask and tell, and what they are told. */
function mountResourceServers(
  koa: Koa,
  issuer: string,
  db: Knex,
  { audit, batch, feed, usage }: Parts,
): void {
  const sessions = new ResourceServerSessions({ db, audit, issuer })
  koa.use(introspectionEndpoint(batch))
  koa.use(reportsEndpoint({ sessions, intake: new ReportIntake({ db, audit, usage }) }))
  koa.use(changesEndpoint({ changes: new ChangeFeed({ db, feed }), sessions }))
}

export function createApp(dependencies: AppDependencies): App {
  const { config, keys, database, log } = dependencies
  const { issuer, catalogue_file, app_schemes } = config
  const { checkpoint_interval_seconds } = config.audit
  const { knex: db, tokens } = database
  const render = createRenderer({ base_path: basePath(issuer) })
  const parts = createParts(dependencies)
  const { audit, feed, catalogues, usage, user_agents, batch } = parts
  const { provider, middleware: engine } = createAuthorizationServer({
    config,
    keys,
    db,
    tokens,
    audit,
    catalogues,
    ...publishedClients(dependencies, audit),
    render,
  })
  const actions: ActionContext = {
    db,
    audit,
    catalogues,
    issuer,
    catalogue_file,
    app_schemes,
    checkpoint_interval_seconds,
  }
  const pages: PageDependencies = { ...actions, feed, render, form_key: keys.forms }

  const koa = createKoa(keys, config)
  mountFrame(koa, issuer, log, render)
  mount(koa, healthRoutes(database))
  mountResourceServers(koa, issuer, db, parts)
  koa.use(staticFiles())
  mount(koa, interactionRoutes({ provider, issuer, form_key: keys.forms, db, audit, catalogues, render }))
  mount(koa, operatorApi({ ...actions, batch, feed }))
  mount(koa, operatorMcp({ ...actions, batch, log }))
  mount(koa, signInRoutes(pages))
  mount(koa, pageRoutes(pages, [...OPERATOR_PAGES, ...ACCOUNT_PAGES]))
  for (const each of engine) koa.use(each)

  return {
    listener: listenerOf(koa, batch, issuer),
    audit,
    feed,
    usage,
    user_agents,
    close: (drained) => closeParts(parts, drained),
  }
}
