import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AuthInfo } from './auth-info.ts'
import { createGuard, type GuardedRequest } from './guard.ts'
import type { GuardOptions } from './guard-options.ts'
import { readJsonBody } from './json-body.ts'
import { protectedResourceMetadata, protectedResourceMetadataPaths } from './protected-resource-metadata.ts'

/** A handler of MCP requests, such as `toNodeHandler(createMcpHandler(…))`. `body` is the parsed JSON of a POST. */
export type NodeHandler = (
  request: IncomingMessage & { method: string; url: string; auth: AuthInfo },
  response: ServerResponse,
  body?: unknown,
) => unknown

export type NodeListener = (request: IncomingMessage, response: ServerResponse) => Promise<void>

// Browser clients send no cookies here, so any origin may ask; a token is needed all the same.
// Fetch standard: `*` does not cover Authorization, which must be named.
const CORS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'WWW-Authenticate, Mcp-Session-Id',
}
const PREFLIGHT = {
  'access-control-allow-methods': 'GET, POST, DELETE',
  'access-control-allow-headers': '*, Authorization',
  'access-control-max-age': '86400',
}

/**
 * Puts the guard in front of a `node:http` handler. Serves the RFC 9728 document and CORS preflights itself; answers
 * 404 for any other `/.well-known/` path; every other path reaches the handler only with a decision of "allowed".
 * @throws TypeError for a malformed option
 */
export function protectNodeHandler(options: GuardOptions, handler: NodeHandler): NodeListener {
  const guard = createGuard(options)
  const metadata = protectedResourceMetadata(guard.settings)
  const metadata_paths = protectedResourceMetadataPaths(guard.settings.resource)

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request
    const [path = '/', query = ''] = splitOnce(url, '?')
    if (method === 'OPTIONS') return void response.writeHead(204, PREFLIGHT).end()
    if (metadata_paths.includes(path)) return sendMetadata(request, response, metadata)
    if (path.startsWith('/.well-known/')) return sendJson(response, 404, {}, { error: 'not_found' })
    if (!['GET', 'POST', 'DELETE'].includes(method)) return refuseMethod(response, 'GET, POST, DELETE')
    const decision = await guard.decide(guardedRequest(request, query))
    if (decision.outcome === 'refused') {
      return sendJson(response, decision.status, decision.headers, decision.body)
    }
    await handler(Object.assign(request, { method, url, auth: decision.auth }), response, decision.body)
  }

  return async (request, response) => {
    for (const [name, value] of Object.entries(CORS)) response.setHeader(name, value)
    try {
      await answer(request, response)
    } catch (error) {
      guard.settings.on_error(error instanceof Error ? error : new Error('The handler failed'))
      if (response.headersSent) response.destroy()
      else sendJson(response, 500, {}, { error: 'server_error' })
    }
  }
}

function guardedRequest(request: IncomingMessage, query: string): GuardedRequest {
  const headers = new Headers()
  for (const name of ['authorization', 'mcp-method', 'mcp-name', 'user-agent']) {
    const value = request.headers[name]
    if (value !== undefined) headers.set(name, String(value))
  }
  return {
    headers,
    query: new URLSearchParams(query),
    readBody: async () => (request.method === 'POST' ? readJsonBody(request) : undefined),
  }
}

function sendMetadata(request: IncomingMessage, response: ServerResponse, metadata: object): void {
  if (request.method !== 'GET' && request.method !== 'HEAD') refuseMethod(response, 'GET, HEAD')
  else sendJson(response, 200, { 'cache-control': 'public, max-age=300' }, metadata)
}

function refuseMethod(response: ServerResponse, allow: string): void {
  sendJson(response, 405, { allow }, { error: 'method_not_allowed' })
}

function sendJson(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: object,
): void {
  response.writeHead(status, { ...headers, 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
