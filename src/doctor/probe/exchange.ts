import { parseJson } from '../../base/json.ts'

/**
 * The probe: requests to somebody else's deployment, made to see what it answers. Nothing throws for what the other side
 * does: whatever happened is the result. The doctor, the review and the discovery of catalogues stand on it.
 */
export type ProbeRequest = {
  method?: string
  headers?: Record<string, string>
  /** A form, or text as it is. */
  body?: URLSearchParams | string
  /** 10,000 when absent. */
  timeout_ms?: number
}

export type FailureKind = 'dns' | 'refused' | 'tls' | 'timeout' | 'too_large' | 'other'

type Asked = { method: string; url: string; duration_ms: number }

export type Answered = Asked & {
  outcome: 'answered'
  status: number
  headers: Headers
  text: string
  /** Undefined when the text is no JSON. */
  json: unknown
  /** The answer went on, and this is what had come when the time was over. */
  is_cut?: true
}

/** `reason` is for people. */
export type Failed = Asked & { outcome: 'failed'; kind: FailureKind; reason: string }

export type Exchange = Answered | Failed

const MAX_BODY_BYTES = 1024 * 1024
const TIMEOUT_MS = 10_000
const USER_AGENT = 'toolgate-probe'

/** One request and what came of it. Redirects are answers like others and are not followed. */
export async function exchange(
  url: string,
  { method = 'GET', headers = {}, body, timeout_ms = TIMEOUT_MS }: ProbeRequest = {},
): Promise<Exchange> {
  const begun_ms = performance.now()
  const asked = () => ({ method, url, duration_ms: Math.round(performance.now() - begun_ms) })
  try {
    const response = await fetch(url, {
      method,
      headers: { 'user-agent': USER_AGENT, accept: 'application/json', ...headers },
      ...(body === undefined ? {} : { body }),
      redirect: 'manual',
      signal: AbortSignal.timeout(timeout_ms),
    })
    const { text, is_cut } = await readText(response)
    return {
      outcome: 'answered',
      ...asked(),
      status: response.status,
      headers: response.headers,
      text,
      json: parseJson(text),
      ...(is_cut ? { is_cut } : {}),
    }
  } catch (error) {
    return { outcome: 'failed', ...asked(), ...failureOf(error) }
  }
}

class TooLarge extends Error {}

async function readText({ body, headers }: Response): Promise<{ text: string; is_cut: boolean }> {
  const is_stream = (headers.get('content-type') ?? '').toLowerCase().startsWith('text/event-stream')
  const decoder = new TextDecoder()
  let text = ''
  let received_bytes = 0
  try {
    for await (const chunk of body ?? []) {
      received_bytes += chunk.length
      if (received_bytes > MAX_BODY_BYTES) throw new TooLarge()
      text += decoder.decode(chunk, { stream: true })
      // A server may keep a stream open behind its answer.
      if (is_stream && ANSWER.test(text)) return { text, is_cut: false }
    }
  } catch (error) {
    if (isTimeout(error)) return { text, is_cut: true }
    throw error
  }
  return { text: text + decoder.decode(), is_cut: false }
}

/** A whole event that ends a request: a JSON-RPC result or error. */
const ANSWER = /^data:.*"(?:result|error)"\s*:.*\r?\n(?:data:.*\r?\n)*\r?\n/m

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError'
}

const KIND_OF_CODE: Record<string, FailureKind> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  ECONNREFUSED: 'refused',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
}

function failureOf(error: unknown): { kind: FailureKind; reason: string } {
  if (error instanceof TooLarge)
    return { kind: 'too_large', reason: `the answer is larger than ${MAX_BODY_BYTES} bytes` }
  if (isTimeout(error)) return { kind: 'timeout', reason: 'no answer in time' }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = String((cause as { code?: unknown } | undefined)?.code ?? '')
  const reason =
    cause instanceof Error && cause.message.trim() !== '' ? cause.message.trim() : 'the request failed'
  const is_tls = /CERT|SSL|TLS/.test(code)
  return { kind: KIND_OF_CODE[code] ?? (is_tls ? 'tls' : 'other'), reason }
}
