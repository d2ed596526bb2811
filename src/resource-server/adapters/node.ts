/** Adapters: the guard in the ways in which MCP servers are served. This one is for `node:http`. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Allowed } from '../asking/verdict.ts'
import type { AuthInfo } from '../auth-info.ts'
import { CORS, PREFLIGHT } from '../cors.ts'
import type { Guard } from '../guard.ts'
import type { GuardedRequest } from '../guarded-request.ts'
import { readJson } from '../json-text.ts'
import { watchNodeAnswer } from './node-answer.ts'
import { readNodeText } from './node-body.ts'

export { listen } from './listen.ts'

/** A handler of MCP requests, such as `toNodeHandler(createMcpHandler(…))`. `body` is the parsed JSON of a POST. */
export type NodeHandler = (
  request: IncomingMessage & { method: string; url: string; auth: AuthInfo },
  response: ServerResponse,
  body?: unknown,
) => unknown

export type NodeListener = (request: IncomingMessage, response: ServerResponse) => Promise<void>

/**
 * Puts the guard in front of a `node:http` handler. Serves the RFC 9728 document and CORS preflights itself; answers
 * 404 for any other `/.well-known/` path; every other path reaches the handler only with a decision of "allowed".
 */
export function protectNodeHandler(guard: Guard, handler: NodeHandler): NodeListener {
  return async (request, response) => {
    try {
      const allowed = await admit(guard, request, response)
      if (!allowed) return
      const { method = 'GET', url = '/' } = request
      await handler(Object.assign(request, { method, url, auth: allowed.auth }), response, allowed.body)
    } catch (error) {
      guard.settings.on_error(error instanceof Error ? error : new Error('The handler failed'))
      if (response.headersSent) response.destroy()
      else sendJson(response, 500, {}, { error: 'server_error' })
    }
  }
}

/**
 * Answers everything that must not reach the handler.
 * @param readBody what the body says, where somebody read it before
 * @returns the decision, when the handler is to answer, and its answer is watched; undefined when it is answered
 */
export async function admit(
  guard: Guard,
  request: IncomingMessage,
  response: ServerResponse,
  readBody?: () => Promise<unknown>,
): Promise<Allowed | undefined> {
  for (const [name, value] of Object.entries(CORS)) response.setHeader(name, value)
  const [path = '/', query = ''] = splitOnce(request.url ?? '/', '?')
  if (answerWithoutToken(guard, request, response, path)) return undefined
  const decision = await guard.decide(guardedRequest(request, query, readBody))
  if (decision.outcome === 'allowed') {
    watchNodeAnswer(response, decision.watch)
    return decision
  }
  sendJson(response, decision.status, decision.headers, decision.body)
  return undefined
}

/** True when the request was one that anybody may make, or nobody. */
function answerWithoutToken(
  { metadata }: Guard,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): boolean {
  const { method = 'GET' } = request
  if (method === 'OPTIONS') response.writeHead(204, PREFLIGHT).end()
  else if (metadata?.paths.includes(path)) sendMetadata(request, response, metadata.document)
  else if (path.startsWith('/.well-known/')) sendJson(response, 404, {}, { error: 'not_found' })
  else if (!['GET', 'POST', 'DELETE'].includes(method)) refuseMethod(response, 'GET, POST, DELETE')
  else return false
  return true
}

function guardedRequest(
  request: IncomingMessage,
  query: string,
  readBody = async (): Promise<unknown> => readJson(await readNodeText(request)),
): GuardedRequest {
  const { method = 'GET', socket } = request
  return {
    method,
    headers: headersOf(request),
    query: new URLSearchParams(query),
    readBody: async () => (method === 'POST' ? readBody() : undefined),
    connection: { local_address: socket.localAddress, remote_address: socket.remoteAddress },
  }
}

function headersOf({ headersDistinct }: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(headersDistinct))
    for (const value of values) headers.append(name, value)
  return headers
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
