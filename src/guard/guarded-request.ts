import { readJson } from './json-text.ts'
import { badMessage, Refusal } from './refusal.ts'

/** How a message came to this process. */
export type Connection =
  | 'stdio'
  /** The addresses of both ends of the socket, as the system says them. */
  | { local_address: string | undefined; remote_address: string | undefined }

/** One message, or batch of messages, to the MCP server, free of any framework. */
export type GuardedRequest = {
  /** `POST` when absent. */
  method?: string
  headers: Headers
  query: URLSearchParams
  /**
   * What the body of a POST says, by `readJson`; undefined for GET and DELETE. Read only once a bearer token was seen, and
   * beyond `UNPROVEN_BYTES` only once `prove` has resolved: it rejects for whoever has no live token.
   */
  readBody: (prove: Prove) => Promise<unknown>
  /** Needed in mode `none`, which trusts nobody but this machine. */
  connection?: Connection | undefined
}

export type Prove = () => Promise<void>

/** Of a longer body no more is read, and nothing is made, before it is known that the token is live. */
export const UNPROVEN_BYTES = 64 * 1024
export const MAX_BODY_BYTES = 4 * 1024 * 1024

/** Whether a request says itself that its body is longer than anybody may send. */
export function isLong(content_length: string | null | undefined): boolean {
  return Number(content_length ?? 0) > UNPROVEN_BYTES
}

/** A request of the Fetch standard as the guard reads it. Its body is read once; the decision has what it said. */
export function guardedRequestOf(request: Request, connection?: Connection): GuardedRequest {
  return {
    method: request.method,
    headers: request.headers,
    query: new URL(request.url).searchParams,
    readBody: async (prove) =>
      request.method === 'POST' ? readJson(await readText(request.body ?? [], prove)) : undefined,
    connection,
  }
}

/**
 * Text of a body in UTF-8.
 * @throws Refusal 413 above 4 MiB, 400 when the body breaks off or is not UTF-8
 */
export async function readText(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  prove: Prove,
): Promise<string> {
  // What is no UTF-8 would be read differently by whoever reads it next.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let text = ''
  let received_bytes = 0
  let is_proven = false
  try {
    for await (const chunk of body) {
      received_bytes += chunk.length
      if (received_bytes > UNPROVEN_BYTES && !is_proven) {
        await prove()
        is_proven = true
      }
      if (received_bytes > MAX_BODY_BYTES) throw tooLarge()
      text += decoder.decode(chunk, { stream: true })
    }
    return text + decoder.decode()
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw badMessage('parse_error', 'The body is incomplete or not UTF-8')
  }
}

/** RFC 9110 §15.5.14. */
export function tooLarge(): Refusal {
  return new Refusal(
    413,
    { connection: 'close' },
    { error: 'payload_too_large', error_description: `The body is larger than ${MAX_BODY_BYTES} bytes` },
  )
}
