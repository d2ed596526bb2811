import type { IncomingMessage, ServerResponse } from 'node:http'
import { CORS } from '../cors.ts'
import type { Guard } from '../guard.ts'
import { type GuardedRequest, isLong } from '../guarded-request.ts'
import type { Allowed } from '../introspection-client/verdict.ts'
import { admitRequest, type PlainAnswer } from './admission.ts'
import { watchNodeAnswer } from './node-answer.ts'
import { readNodeBody } from './node-body.ts'

export type NodeExchange = {
  request: IncomingMessage
  response: ServerResponse
  /** Path and query as the client sent them, where a framework changes `request.url`. */
  url?: string | undefined
  /** What the framework's body parser made of the body, where one may have read it. */
  parsed?: () => unknown
}

/**
 * Admits a request of `node:http`, whatever framework is around it. When it is let through, its answer has the CORS
 * headers and is watched.
 * @param write sends an answer that ends the request
 * @returns undefined when the handler has nothing to answer
 */
export async function admitNodeRequest(
  guard: Guard,
  exchange: NodeExchange,
  write: (answer: PlainAnswer) => void,
): Promise<Allowed | undefined> {
  const { request, response, url = request.url ?? '/' } = exchange
  const [path = '/', query = ''] = splitOnce(url, '?')
  const { allowed, answer } = await admitRequest(guard, path, guardedRequest(exchange, query))
  if (!allowed) {
    write(isUnread(request) ? { ...answer, headers: { ...answer.headers, connection: 'close' } } : answer)
    return undefined
  }
  if (response.destroyed) {
    // Whoever asked has left: a call that he gave up must not run behind his back.
    allowed.watch.end(false)
    return undefined
  }
  for (const [name, value] of Object.entries(CORS)) response.setHeader(name, value)
  watchNodeAnswer(response, allowed.watch)
  allowed.cut.addEventListener('abort', () => response.destroy(), { once: true })
  return allowed
}

/** Behind an answer that came first, a long body would be read on, as long as the sender likes. */
function isUnread({ complete, headers }: IncomingMessage): boolean {
  return !complete && (headers['transfer-encoding'] !== undefined || isLong(headers['content-length']))
}

/** Writes an answer where no framework wants to do it. */
export function writeNodeAnswer(response: ServerResponse, { status, headers, body }: PlainAnswer): void {
  response.writeHead(status, headers).end(body ?? undefined)
}

function guardedRequest({ request, parsed }: NodeExchange, query: string): GuardedRequest {
  const { method = 'GET', socket } = request
  return {
    method,
    headers: headersOf(request),
    query: new URLSearchParams(query),
    readBody: async (prove) => (method === 'POST' ? readNodeBody(request, prove, parsed) : undefined),
    connection: { local_address: socket.localAddress, remote_address: socket.remoteAddress },
  }
}

function headersOf({ headersDistinct }: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(headersDistinct))
    for (const value of values) headers.append(name, value)
  return headers
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
