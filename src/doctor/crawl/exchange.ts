import { once } from 'node:events'
import { type IncomingMessage, request as plainRequest } from 'node:http'
import { request as secureRequest } from 'node:https'
import { Readable } from 'node:stream'
import { parseJson } from '../../base/json.ts'
import { mayLeadTo } from './local-address.ts'

/**
 * One request to another deployment, and the response. Nothing throws for what the other side does: whatever happened
 * is the result.
 */
export type ProbeRequest = {
  method?: string
  headers?: Record<string, string>
  /** A form, or text as it is. */
  body?: URLSearchParams | string
  /** 10,000 when absent. */
  timeout_ms?: number | undefined
  /** In place of the host of the URL in the Host header. */
  host?: string
}

export type FailureKind =
  | 'name_not_found'
  | 'connection_refused'
  | 'tls'
  | 'no_answer'
  | 'too_large'
  | 'connection_failed'

type Sent = { method: string; url: string }

export type Answered = Sent & {
  outcome: 'answered'
  status: number
  headers: Headers
  /** What had come when the time was over, where the body does not end. */
  text: string
  /** Undefined when the text is not JSON, or nested too deeply. */
  json: unknown
}

/** `reason` is for people. */
export type Failed = Sent & { outcome: 'failed'; kind: FailureKind; reason: string }

export type Exchange = Answered | Failed

const MAX_BODY_BYTES = 1024 * 1024
const TIMEOUT_MS = 10_000
const USER_AGENT = 'toolgate-probe'

/** Redirects are responses like others and are not followed. */
export async function exchange(url: string, request: ProbeRequest = {}): Promise<Exchange> {
  const { method = 'GET', timeout_ms = TIMEOUT_MS } = request
  const signal = AbortSignal.timeout(timeout_ms)
  try {
    const response = await send(url, request, signal)
    const { status, headers } = response
    const text = await readText(response, signal)
    return { outcome: 'answered', method, url, status, headers, text, json: readJson(text) }
  } catch (error) {
    return { outcome: 'failed', method, url, ...failureOf(error, signal) }
  }
}

export type Send = (url: string, request?: ProbeRequest) => Promise<Exchange>

/** Sends to URLs that the server at `start` named. A public server must not lead to this machine or network. */
export function sendFrom(start: string, timeout_ms?: number): Send {
  const reason = 'it is an address of this machine or network, named by a server that is elsewhere'
  return async (url, request = {}) =>
    mayLeadTo(new URL(start), new URL(url))
      ? exchange(url, { timeout_ms, ...request })
      : { outcome: 'failed', method: request.method ?? 'GET', url, kind: 'connection_failed', reason }
}

function send(url: string, request: ProbeRequest, signal: AbortSignal): Promise<Response> {
  const { method = 'GET', body = null, host } = request
  const headers = { 'user-agent': USER_AGENT, accept: 'application/json', ...request.headers }
  if (host === undefined) return fetch(url, { method, headers, body, signal, redirect: 'manual' })
  return sendWithHost(url, { method, headers: { ...headers, host }, signal }, body)
}

/** `fetch` lets no one choose the Host header. */
async function sendWithHost(url: string, init: object, body: unknown): Promise<Response> {
  const request = (url.startsWith('https:') ? secureRequest : plainRequest)(url, init)
  // What fails after the head has come fails the body.
  request.on('error', () => undefined).end(body === null ? undefined : String(body))
  const [incoming] = (await once(request, 'response')) as [IncomingMessage]
  const { statusCode: status = 0, headers } = incoming
  const named = Object.entries(headers).map(([name, value]) => [name, String(value)] as [string, string])
  const stream = status === 204 || status === 304 ? null : Readable.toWeb(incoming)
  return new Response(stream as ReadableStream | null, { status, headers: named })
}

class TooLarge extends Error {}

async function readText({ body, headers }: Response, signal: AbortSignal): Promise<string> {
  const is_stream = (headers.get('content-type') ?? '').toLowerCase().startsWith('text/event-stream')
  const decoder = new TextDecoder()
  let text = ''
  let last_event = ''
  let received_bytes = 0
  try {
    for await (const chunk of body ?? []) {
      received_bytes += chunk.length
      if (received_bytes > MAX_BODY_BYTES) throw new TooLarge()
      const more = decoder.decode(chunk, { stream: true })
      text += more
      if (!is_stream) continue
      const events = (last_event + more).split(/\r?\n\r?\n/)
      last_event = events.pop() ?? ''
      // A server may keep a stream open behind its answer.
      if (events.some((event) => ANSWER.test(event))) return text
    }
  } catch (error) {
    if (signal.aborted) return text
    throw error
  }
  return text + decoder.decode()
}

/** In an event that ends a request: a JSON-RPC result or error. */
const ANSWER = /^data:.*"(?:result|error)"\s*:/m

const SPARE_LEVELS = 100

/** Undefined for what is not JSON, and for what is nested so deeply that there is no stack to write it again. */
export function readJson(text: string): unknown {
  const value = parseJson(text)
  try {
    let deeper = value
    for (let level = 0; level < SPARE_LEVELS; level++) deeper = [deeper]
    JSON.stringify(deeper)
    return value
  } catch {
    return undefined
  }
}

const KIND_OF_CODE: Record<string, FailureKind> = {
  ENOTFOUND: 'name_not_found',
  EAI_AGAIN: 'name_not_found',
  ECONNREFUSED: 'connection_refused',
  UND_ERR_CONNECT_TIMEOUT: 'no_answer',
}

function failureOf(error: unknown, signal: AbortSignal): { kind: FailureKind; reason: string } {
  if (error instanceof TooLarge)
    return { kind: 'too_large', reason: `the answer is larger than ${MAX_BODY_BYTES} bytes` }
  if (signal.aborted) return { kind: 'no_answer', reason: 'no answer in time' }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = String((cause as { code?: unknown } | undefined)?.code ?? '')
  const reason =
    cause instanceof Error && cause.message.trim() !== '' ? cause.message.trim() : 'the request failed'
  const is_tls = /CERT|SSL|TLS/.test(code)
  return { kind: KIND_OF_CODE[code] ?? (is_tls ? 'tls' : 'connection_failed'), reason }
}
