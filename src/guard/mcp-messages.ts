import { isObject } from '../base/json.ts'
import { badMessage } from './refusal.ts'

/** What one JSON-RPC message is about. Empty: the body said nothing, and only the token is in question. */
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
export const NAMED_BY = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ...['read', 'subscribe', 'unsubscribe'].map((verb): [string, string] => [`resources/${verb}`, 'uri']),
  // Extension io.modelcontextprotocol/tasks, and the tasks of 2025-11-25.
  ...['get', 'update', 'cancel', 'result'].map((verb): [string, string] => [`tasks/${verb}`, 'taskId']),
])

/** Each message costs one introspection, so a batch (2025-03-26 and older) must not be an amplifier. */
const MAX_BATCH_MESSAGES = 50
const MAX_METHOD_CHARS = 128
const MAX_NAME_CHARS = 1024

const ENVELOPE = ['jsonrpc', 'id', 'method', 'params', 'result', 'error']

/**
 * Reads a parsed body into what its messages are about. One that touches several things is several.
 * @param body one JSON-RPC message, a batch of them, or undefined for a GET or DELETE of the transport
 * @throws Refusal 400 for what is not JSON-RPC, or what another reader could take for something else
 */
export function messagesIn(body: unknown): Message[] {
  if (body === undefined) return [{}]
  const messages = (Array.isArray(body) ? body : [body]).flatMap(messagesOf)
  if (messages.length === 0 || messages.length > MAX_BATCH_MESSAGES) {
    throw badMessage('invalid_request', `A body has between 1 and ${MAX_BATCH_MESSAGES} messages`)
  }
  return messages
}

function messagesOf(message: unknown): Message[] {
  if (!isObject(message)) throw badMessage('invalid_request', 'A message must be a JSON-RPC object')
  const { jsonrpc, id, method, params } = message
  // The schemas of the SDKs are as strict: nobody sends more. A reader that ignores case would see more.
  if (jsonrpc !== '2.0' || !Object.keys(message).every((name) => ENVELOPE.includes(name)))
    throw badMessage('invalid_request', 'A message must be JSON-RPC 2.0, without other members', id)
  const answers = Number('result' in message) + Number('error' in message)
  if (answers + Number('method' in message) !== 1)
    throw badMessage('invalid_request', 'A message has one of method, result and error', id)
  if (!isId(id) && !(answers === 1 && id === null))
    throw badMessage('invalid_request', 'The id must be a short string or a whole number')
  // A response answers a request that this server sent.
  if (answers === 1) return [{ id }]
  if (!isPlainText(method, MAX_METHOD_CHARS))
    throw badMessage('invalid_request', 'The method must be a short string', id)
  return aboutMethod({ id, mcp_method: method }, params)
}

/** Methods that MCP 2026-07-28 has no more. */
export function isGone(method: string): boolean {
  return /^resources\/(?:un)?subscribe$/.test(method)
}

function aboutMethod(message: { id: unknown; mcp_method: string }, params: unknown): Message[] {
  const { id, mcp_method } = message
  const named_by = NAMED_BY.get(mcp_method)
  // To a server of MCP 2026-07-28 this is an unknown method, whatever it says. Unnamed, it is open to nobody.
  if (isGone(mcp_method) && memberOf(params, 'uri', id) === undefined) return [message]
  if (named_by) return [{ ...message, mcp_name: nameIn(params, named_by, message) }]
  if (mcp_method === 'completion/complete') {
    const ref = memberOf(params, 'ref', id)
    const type = memberOf(ref, 'type', id)
    const [is, other] = type === 'ref/prompt' ? ['name', 'uri'] : ['uri', 'name']
    if ((type !== 'ref/prompt' && type !== 'ref/resource') || memberOf(ref, other, id) !== undefined)
      throw badMessage('invalid_params', 'params.ref must be a ref/prompt or a ref/resource', id)
    return [{ ...message, mcp_name: `${type}:${nameIn(ref, is, message)}` }]
  }
  if (mcp_method !== 'subscriptions/listen') return [message]
  // MCP 2026-07-28: it took the place of resources/subscribe.
  const uris = memberOf(memberOf(params, 'notifications', id), 'resourceSubscriptions', id) ?? []
  if (!Array.isArray(uris)) throw badMessage('invalid_params', 'resourceSubscriptions must be a list', id)
  const subscribe = { id, mcp_method: 'resources/subscribe' }
  return [message, ...uris.map((uri) => ({ ...subscribe, mcp_name: nameIn({ uri }, 'uri', subscribe) }))]
}

/** A request without an id would run unanswered, and one without a name cannot be decided. */
function nameIn(
  params: unknown,
  member: string,
  { id, mcp_method }: { id: unknown; mcp_method: string },
): string {
  const name = memberOf(params, member, id)
  if (id === undefined || !isPlainText(name, MAX_NAME_CHARS)) {
    throw badMessage(
      'invalid_params',
      `${mcp_method} needs an id, and a ${member} that is a short string`,
      id,
    )
  }
  return name
}

/** @throws Refusal 400 when a reader that is loose about names could take another member for this one */
function memberOf(object: unknown, name: string, id: unknown): unknown {
  if (!isObject(object)) return undefined
  const isLike = (key: string) => /[^ -~]|\\/.test(key) || (key !== name && fold(key) === fold(name))
  if (Object.keys(object).some(isLike))
    throw badMessage(
      'invalid_params',
      `A member is named almost like ${name}, with a backslash, or beyond ASCII`,
      id,
    )
  return Object.hasOwn(object, name) ? object[name] : undefined
}

function fold(name: string): string {
  return name.toLowerCase().replace(/[^a-z\d]/g, '')
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

/** A whole number beyond 2^53 would come back as another one. */
function isId(id: unknown): boolean {
  return (
    id === undefined || Number.isSafeInteger(id) || (typeof id === 'string' && id.length <= MAX_NAME_CHARS)
  )
}
