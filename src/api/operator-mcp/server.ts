/**
 * The operator's MCP server at /operator/mcp: a protected resource like any other. The guard that MCP servers put in
 * front of themselves decides here too, and asks in this process instead of over HTTP.
 */
import Router from '@koa/router'
import { createMcpHandler, type McpHttpHandler, Server } from '@modelcontextprotocol/server'
import type { Context } from 'koa'
import type { Caller } from '../../actions/action.ts'
import { ACTIONS } from '../../actions/index.ts'
import { decideBy } from '../../guard/guard.ts'
import type { GuardedRequest } from '../../guard/guarded-request.ts'
import type { ActiveToken } from '../../guard/introspection-client/introspection.ts'
import type { Allowed } from '../../guard/introspection-client/verdict.ts'
import {
  protectedResourceMetadata,
  protectedResourceMetadataUrl,
} from '../../guard/protected-resource-metadata.ts'
import { basePath } from '../../http/base-path.ts'
import { readJson } from '../../http/read-body.ts'
import { requestOrigin } from '../../http/request-context.ts'
import {
  type AuthenticationDependencies,
  callerOf,
  introspectOwn,
  recordStranger,
} from '../operator-api/authenticate.ts'
import { operatorResource } from '../operator-api/operator-resource.ts'
import { callTool, operatorTools, type ToolDependencies } from './tools.ts'

export type OperatorMcpDependencies = AuthenticationDependencies & ToolDependencies

/** A message is little more than the largest input that an action takes. */
const ENVELOPE_BYTES = 16 * 1024
const BODY = {
  limit_bytes:
    ENVELOPE_BYTES + Math.max(16 * 1024, ...ACTIONS.map(({ body_limit_bytes = 0 }) => body_limit_bytes)),
  depth: 20,
}

/** Where the server is below the issuer. */
const PATH = '/operator/mcp'

const INSTRUCTIONS =
  'Toolgate decides which MCP client may call which tool for whom. These tools show grants, tokens, clients, accounts ' +
  'and the audit log of every decision, and revoke access. Look before you revoke: name the reason.'

/** Routes of the MCP endpoint and of its RFC 9728 document. */
export function operatorMcp(dependencies: OperatorMcpDependencies): Router {
  const { issuer } = dependencies
  const { resource, name, default_scopes: defaults } = operatorResource(issuer)
  const default_scopes = [...defaults]
  const metadata = protectedResourceMetadata({
    resource,
    issuer,
    scopes_supported: default_scopes,
    resource_name: name,
  })
  const mcp = createMcpHandler(({ authInfo }) => createServer(dependencies, authInfo?.extra), {
    // Nothing here ever changes while a client listens.
    maxSubscriptions: 0,
  })
  const router = new Router({ sensitive: true })
  router.get(metadataPath(issuer, resource), (ctx) => {
    ctx.set('Cache-Control', 'public, max-age=300')
    ctx.body = metadata
  })
  for (const method of ['get', 'post', 'delete'] as const)
    router[method](PATH, (ctx: Context) => answer(dependencies, mcp, { resource, default_scopes }, ctx))
  return router
}

/** As the rooms below the issuer's path know it. */
function metadataPath(issuer: string, resource: string): string {
  const { pathname } = new URL(protectedResourceMetadataUrl(resource))
  return pathname.replace(`${basePath(issuer)}${PATH}`, PATH)
}

async function answer(
  dependencies: OperatorMcpDependencies,
  mcp: McpHttpHandler,
  resource: { resource: string; default_scopes: string[] },
  ctx: Context,
): Promise<void> {
  const { log } = dependencies
  const decide = decideBy(
    { mode: 'oauth', ...resource, on_error: (error) => log.warn({ error: error.name }, 'no introspection') },
    async (token, { mcp_method, mcp_name }) => {
      const intent = { method: mcp_method, name: mcp_name }
      return (await introspectOwn(dependencies, token, intent, requestOrigin(ctx))) as ActiveToken | undefined
    },
  )
  const decision = await decide(guardedRequest(ctx))
  if (decision.outcome === 'allowed') return serve(mcp, decision, ctx)
  if (decision.status === 401) await recordStranger(dependencies, ctx)
  ctx.status = decision.status
  ctx.set(decision.headers)
  ctx.body = decision.body
}

function headersOf(ctx: Context, without: readonly string[] = []): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(ctx.req.headers))
    if (value !== undefined && !without.includes(name)) headers.set(name, String(value))
  return headers
}

function guardedRequest(ctx: Context): GuardedRequest {
  return {
    method: ctx.method,
    headers: headersOf(ctx),
    query: new URLSearchParams(ctx.querystring),
    readBody: async (prove) => (ctx.method === 'POST' ? readJson(ctx, { ...BODY, prove }) : undefined),
  }
}

/** The SDK speaks the standards of the web; it gets no token to keep. */
async function serve(mcp: McpHttpHandler, { auth, token, body }: Allowed, ctx: Context): Promise<void> {
  const headers = headersOf(ctx, ['authorization', 'cookie', 'content-length', 'transfer-encoding'])
  const request = new Request(auth.resource, { method: ctx.method, headers })
  const caller = callerOf(token, requestOrigin(ctx))
  const authInfo = { ...auth, token: '', extra: { ...auth.extra, caller } }
  const response = await mcp.fetch(request, { authInfo, parsedBody: body })
  ctx.status = response.status
  for (const [name, value] of response.headers) ctx.set(name, value)
  ctx.body = response.body === null ? null : Buffer.from(await response.arrayBuffer())
  // koa makes a 204 of an empty body.
  ctx.status = response.status
}

/** Of one request, for one caller; `tools` are those that the decision named. */
function createServer(dependencies: ToolDependencies, extra: Record<string, unknown> | undefined): Server {
  const { caller, tools } = extra as { caller: Caller; tools: string[] }
  const server = new Server(
    { name: 'toolgate-operator', title: 'Toolgate operator', version: '1' },
    { capabilities: { tools: {} }, instructions: INSTRUCTIONS },
  )
  server.setRequestHandler('tools/list', () => ({
    tools: operatorTools().filter(({ name }) => tools.includes(name)),
  }))
  server.setRequestHandler('tools/call', ({ params }) =>
    callTool(dependencies, caller, params.name, params.arguments),
  )
  return server
}
