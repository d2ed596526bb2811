import { CORS, PREFLIGHT } from '../cors.ts'
import type { Guard } from '../guard.ts'
import type { GuardedRequest } from '../guarded-request.ts'
import type { Allowed } from '../introspection-client/verdict.ts'

/** An answer that ends the request, as every framework can write it. */
export type PlainAnswer = {
  status: number
  /** With those of CORS. */
  headers: Readonly<Record<string, string>>
  body: string | null
}

export type Admission =
  | { allowed: Allowed; answer?: undefined }
  | { allowed?: undefined; answer: PlainAnswer }

/**
 * What all adapters do with a request: the RFC 9728 document and CORS preflights are answered to anybody, any other
 * `/.well-known/` path is 404, other methods than those of the transport are 405, and the guard decides the rest.
 * @param path as the client sent it, wherever the framework mounted the adapter
 */
export async function admitRequest(guard: Guard, path: string, request: GuardedRequest): Promise<Admission> {
  const answer = answerToAnybody(guard, request.method ?? 'POST', path)
  if (answer) return { answer }
  const decision = await guard.decide(request)
  if (decision.outcome === 'allowed') return { allowed: decision }
  return { answer: jsonAnswer(decision.status, decision.body, decision.headers) }
}

/** The handler failed. Why is nobody's business outside. */
export function failureAnswer(): PlainAnswer {
  return jsonAnswer(500, { error: 'server_error' })
}

function answerToAnybody({ metadata }: Guard, method: string, path: string): PlainAnswer | undefined {
  if (method === 'OPTIONS') return { status: 204, headers: { ...CORS, ...PREFLIGHT }, body: null }
  if (metadata?.paths.includes(path)) {
    if (method !== 'GET' && method !== 'HEAD') return refuseMethod('GET, HEAD')
    return jsonAnswer(200, metadata.document, { 'cache-control': 'public, max-age=300' })
  }
  if (path.startsWith('/.well-known/')) return jsonAnswer(404, { error: 'not_found' })
  return ['GET', 'POST', 'DELETE'].includes(method) ? undefined : refuseMethod('GET, POST, DELETE')
}

function refuseMethod(allow: string): PlainAnswer {
  return jsonAnswer(405, { error: 'method_not_allowed' }, { allow })
}

function jsonAnswer(status: number, body: object, headers: Record<string, string> = {}): PlainAnswer {
  return {
    status,
    headers: { ...CORS, ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }
}
