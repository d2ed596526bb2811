import { badMessage } from './refusal.ts'

/** What one JSON-RPC message is about. Empty: the body said nothing, and only the token is in message. */
export type Message = {
  id?: unknown
  mcp_method?: string
  mcp_name?: string
}

/** What to ask about one message. */
export type Question = Message & {
  /** UUID, by which the events of one call find each other. */
  request_id: string
  /** Of the client, for personal access tokens. */
  mcp_user_agent?: string
}

/** The member of `params` that names what a method touches; the `Mcp-Name` header mirrors it. */
const NAMED_BY = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
])

/** Each message costs one introspection, so a batch (2025-03-26 and older) must not be an amplifier. */
const MAX_BATCH_MESSAGES = 50
const MAX_METHOD_CHARS = 128
const MAX_NAME_CHARS = 1024

/**
 * Reads a parsed body into what its messages are about.
 * @param body one JSON-RPC message, a batch of them, or undefined for a GET or DELETE of the transport
 * @throws Refusal 400 for what is not JSON-RPC
 */
export function messagesIn(body: unknown): Message[] {
  if (body === undefined) return [{}]
  if (!Array.isArray(body)) return [messageIn(body)]
  if (body.length === 0 || body.length > MAX_BATCH_MESSAGES) {
    throw badMessage('invalid_request', `A batch has between 1 and ${MAX_BATCH_MESSAGES} messages`)
  }
  return body.map(messageIn)
}

function messageIn(message: unknown): Message {
  if (!isObject(message)) throw badMessage('invalid_request', 'A message must be a JSON-RPC object')
  const { id, method, params } = message
  // A JSON-RPC response has no method; it answers a request that this server sent.
  if (method === undefined) return { id }
  if (!isPlainText(method, MAX_METHOD_CHARS)) {
    throw badMessage('invalid_request', 'The method must be a short string', id)
  }
  const member = NAMED_BY.get(method)
  if (member === undefined) return { id, mcp_method: method }
  const name = isObject(params) ? params[member] : undefined
  if (!isPlainText(name, MAX_NAME_CHARS)) {
    throw badMessage('invalid_params', `${method} needs a params.${member} that is a short string`, id)
  }
  return { id, mcp_method: method, mcp_name: name }
}

/**
 * What a gateway routed by and what the server will run must be the same thing.
 * MCP 2026-07-28: servers MUST reject requests whose headers do not match the body.
 * @throws Refusal 400 with the specification's code -32020
 */
export function requireHeadersToAgree(headers: Headers, messages: readonly Message[]): void {
  const method = headers.get('mcp-method')
  const name = headers.get('mcp-name')
  for (const message of messages) {
    if (method !== null && method !== message.mcp_method) {
      throw badMessage('header_mismatch', 'The Mcp-Method header disagrees with the body', message.id)
    }
    const named = NAMED_BY.has(message.mcp_method ?? '')
    if (name !== null && named && decodeHeaderValue(name) !== message.mcp_name) {
      throw badMessage('header_mismatch', 'The Mcp-Name header disagrees with the body', message.id)
    }
  }
}

/** MCP 2026-07-28: values that are not plain ASCII travel as `=?base64?…?=`. Undefined when that is malformed. */
function decodeHeaderValue(value: string): string | undefined {
  const encoded = /^=\?base64\?(.*)\?=$/.exec(value)?.[1]
  if (encoded === undefined) return value
  try {
    const bytes = Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0))
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** Lone surrogates and control characters change on their way through a form: asked and run would differ. */
function isPlainText(value: unknown, max_chars: number): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= max_chars &&
    value.isWellFormed() &&
    !/\p{Cc}/u.test(value)
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
