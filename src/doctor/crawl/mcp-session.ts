import { type Answered, type Exchange, exchange, readJson } from './exchange.ts'
import { headerOf, type JsonObject, jsonObject, jsonObjects } from './response.ts'

/** An MCP server over streamable HTTP, as a client of either line of revisions meets it. */
export type McpTarget = {
  url: string
  /** Sent as `Authorization: Bearer`. */
  token?: string | undefined
  timeout_ms?: number | undefined
  /** Gets every response. */
  keep?: (response: Exchange) => void
}

/** `none`: neither a result nor an error, as when HTTP refused. */
export type RpcAnswer =
  | { kind: 'result'; result: JsonObject }
  | { kind: 'error'; code: number; message: string }
  | { kind: 'none' }

export type McpResponse = { response: Exchange; rpc: RpcAnswer }

export type McpTool = { name: string; read_only: boolean; destructive: boolean | undefined }

/** The last revision with `initialize`, and the first without. */
export const SESSION_REVISION = '2025-11-25'
export const STATELESS_REVISION = '2026-07-28'

const MCP_HEADERS = {
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
}

const CLIENT = { name: 'toolgate-probe', version: '1' }
const PAGES_MAX = 20

let last_id = 0

/** One JSON-RPC request. */
export type RpcRequest = { jsonrpc: '2.0'; id: number; method: string; params: Record<string, unknown> }

export function rpcRequest(method: string, params: Record<string, unknown> = {}): RpcRequest {
  last_id += 1
  return { jsonrpc: '2.0', id: last_id, method, params }
}

/** `initialize` of the revisions that have it. */
export const INITIALIZE = rpcRequest('initialize', {
  protocolVersion: SESSION_REVISION,
  capabilities: {},
  clientInfo: CLIENT,
})

export const INITIALIZE_REQUEST = { method: 'POST', headers: MCP_HEADERS, body: JSON.stringify(INITIALIZE) }

/** A request of 2026-07-28, in which every request says for itself what `initialize` said before. */
export function statelessRequest(method: string, params: Record<string, unknown> = {}): RpcRequest {
  return rpcRequest(method, {
    ...params,
    _meta: {
      'io.modelcontextprotocol/protocolVersion': STATELESS_REVISION,
      'io.modelcontextprotocol/clientInfo': CLIENT,
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  })
}

/** The headers that go with it; `name` is that of a tool. */
export function statelessHeaders({ method, params }: RpcRequest): Record<string, string> {
  const { name } = params
  return {
    'mcp-protocol-version': STATELESS_REVISION,
    'mcp-method': method,
    ...(typeof name === 'string' ? { 'mcp-name': headerText(name) } : {}),
  }
}

function headerText(value: string): string {
  return /^[\x21-\x7e]+$/.test(value) ? value : `=?base64?${Buffer.from(value).toString('base64')}?=`
}

/** Of every request after `initialize`. */
export function sessionHeaders(revision: string, session_id?: string): Record<string, string> {
  const version = /^[\w.-]{1,32}$/.test(revision) ? revision : SESSION_REVISION
  return {
    'mcp-protocol-version': version,
    ...(session_id === undefined ? {} : { 'mcp-session-id': session_id }),
  }
}

/** Sends any body to the MCP endpoint. */
export async function postMcp(
  { url, token, timeout_ms, keep }: McpTarget,
  body: unknown,
  more: Record<string, string> = {},
): Promise<Exchange> {
  const authorization: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` }
  const headers = { ...MCP_HEADERS, ...authorization, ...more }
  const response = await exchange(url, { method: 'POST', headers, body: JSON.stringify(body), timeout_ms })
  keep?.(response)
  return response
}

/** What the response says to the request `id`, be it JSON or an event stream. */
export function rpcAnswer(response: Exchange, id: number): RpcAnswer {
  if (response.outcome === 'failed') return { kind: 'none' }
  const message = messagesOf(response).find((message) => message.id === id || 'error' in message)
  const result = message?.id === id ? jsonObject(message.result) : undefined
  if (result) return { kind: 'result', result }
  const error = jsonObject(message?.error)
  if (typeof error?.code !== 'number') return { kind: 'none' }
  return { kind: 'error', code: error.code, message: String(error.message ?? '') }
}

function messagesOf({ headers, json, text }: Answered): JsonObject[] {
  const is_stream = (headers.get('content-type') ?? '').toLowerCase().startsWith('text/event-stream')
  return jsonObjects(is_stream ? eventsOf(text).flat() : json)
}

function eventsOf(text: string): unknown[] {
  return text.split(/\r?\n\r?\n|\r\r/).map((event) => {
    const data = event.split(/\r\n|\n|\r/).filter((line) => line.startsWith('data:'))
    return readJson(data.map((line) => line.slice('data:'.length)).join('\n'))
  })
}

export type McpAsk = (method: string, params?: Record<string, unknown>) => Promise<McpResponse>

export type McpConnection = {
  /** The response to `initialize`. */
  opened: McpResponse
  /** Undefined where the server speaks no revision that the probe knows, or admits no one. */
  revision: string | undefined
  session_id: string | undefined
  ask: McpAsk
}

/**
 * Opens a connection as a client of 2025 does; a server that has left those revisions behind is asked in the new way.
 * @param response to `initialize`, where that was sent before
 */
export async function openMcp(target: McpTarget, response?: Exchange): Promise<McpConnection> {
  const first = response ?? (await postMcp(target, INITIALIZE))
  const opened = { response: first, rpc: rpcAnswer(first, INITIALIZE.id) }
  if (opened.rpc.kind !== 'result') return withoutSession(target, opened)
  const session_id = headerOf(first, 'mcp-session-id')
  const { protocolVersion } = opened.rpc.result
  const revision = typeof protocolVersion === 'string' ? protocolVersion : SESSION_REVISION
  const headers = sessionHeaders(revision, session_id)
  await postMcp(target, { jsonrpc: '2.0', method: 'notifications/initialized' }, headers)
  return { opened, revision, session_id, ask: asking(target, rpcRequest, () => headers) }
}

async function withoutSession(target: McpTarget, opened: McpResponse): Promise<McpConnection> {
  const ask = asking(target, statelessRequest, statelessHeaders)
  const { response } = opened
  // What is refused for want of a token is refused in either way.
  const is_refused = response.outcome === 'failed' || [401, 403].includes(response.status)
  const discovered = is_refused ? opened : await ask('server/discover')
  const revision = discovered.rpc.kind === 'result' ? STATELESS_REVISION : undefined
  return { opened, revision, session_id: undefined, ask }
}

function asking(
  target: McpTarget,
  write: typeof rpcRequest,
  headersOf: (request: RpcRequest) => Record<string, string>,
): McpAsk {
  return async (method, params) => {
    const request = write(method, params)
    const response = await postMcp(target, request, headersOf(request))
    return { response, rpc: rpcAnswer(response, request.id) }
  }
}

export type ListedTools = { tools: McpTool[] | undefined; last: McpResponse }

/** All pages of `tools/list`, at most 20. `tools` is undefined when the server does not list them. */
export async function listTools(ask: McpAsk): Promise<ListedTools> {
  const tools: McpTool[] = []
  let cursor: string | undefined
  for (let page = 1; ; page++) {
    const last = await ask('tools/list', cursor === undefined ? {} : { cursor })
    if (last.rpc.kind !== 'result' || !Array.isArray(last.rpc.result.tools)) return { tools: undefined, last }
    tools.push(...last.rpc.result.tools.flatMap(toolOf))
    const { nextCursor } = last.rpc.result
    if (typeof nextCursor !== 'string' || nextCursor === '' || page === PAGES_MAX) return { tools, last }
    cursor = nextCursor
  }
}

function toolOf(listed: unknown): McpTool[] {
  const { name, annotations } = jsonObject(listed) ?? {}
  if (typeof name !== 'string') return []
  const { readOnlyHint, destructiveHint } = jsonObject(annotations) ?? {}
  const destructive = typeof destructiveHint === 'boolean' ? destructiveHint : undefined
  return [{ name, read_only: readOnlyHint === true, destructive }]
}
