/** Adapters: the guard in the ways in which MCP servers are served. This one is for `node:http`. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AuthInfo } from '../auth-info.ts'
import type { Guard } from '../guard.ts'
import { failureAnswer } from './admission.ts'
import { admitNodeRequest, writeNodeAnswer } from './node-admission.ts'

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
      const write = writeNodeAnswer.bind(undefined, response)
      const allowed = await admitNodeRequest(guard, { request, response }, write)
      if (!allowed) return
      const { method = 'GET', url = '/' } = request
      await handler(Object.assign(request, { method, url, auth: allowed.auth }), response, allowed.body)
    } catch (error) {
      guard.settings.on_error(error instanceof Error ? error : new Error('The handler failed'))
      if (response.headersSent) response.destroy()
      else writeNodeAnswer(response, failureAnswer())
    }
  }
}
