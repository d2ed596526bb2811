import { parseJson } from '../../base/json.ts'
import { type Answered, type Exchange, exchange } from './exchange.ts'

/** An MCP server over streamable HTTP, as a client of either line of revisions meets it. */
export type McpTarget = {
  url: string
  /** Sent as `Authorization: Bearer`. */
  token?: string | undefined
  headers?: Record<string, string>
  timeout_ms?: number | undefined
}

/** `none`: neither a result nor an error, as when HTTP refused. */
export type RpcAnswer =
  | { kind: 'result'; result: Record<string, unknown> }
  | { kind: 'error'; code: number; message: string }
  | { kind: 'none' }

export type McpTool = { name: string; read_only: boolean; destructive: boolean | undefined }

/** The last revision with `initialize`, and the first without. */
export const SESSION_REVISION = '2025-11-25'
export const STATELESS_REVISION = '2026-07-28'

const CLIENT = { name: 'toolgate-probe', version: '1' }
const PAGES_MAX = 20
const NAMED_BY: Record<string, string> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
}

let last_id = 0

/** One JSON-RPC request. */
export type RpcRequest = { jsonrpc: '2.0'; id: number; method: string; params: Record<string, unknown> }

export function rpcRequest(method: string, params: Record<string, unknown> = {}): RpcRequest {
  last_id += 1
  return { jsonrpc: '2.0', id: last_id, method, params }
}

/** Sends any body to the MCP endpoint. */
export function postMcp(
  { url, token, headers, timeout_ms }: McpTarget,
  body: unknown,
  more: Record<string, string> = {},
): Promise<Exchange> {
  return exchange(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
      ...more,
    },
    body: JSON.stringify(body),
    ...(timeout_ms === undefined ? {} : { timeout_ms }),
  })
}

/** `initialize` of the revisions that have it. */
export function initializeRequest(): RpcRequest {
  return rpcRequest('initialize', {
    protocolVersion: SESSION_REVISION,
    capabilities: {},
    clientInfo: CLIENT,
  })
}

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

/** The headers that go with it. */
export function statelessHeaders({ method, params }: RpcRequest): Record<string, string> {
  const named = params[NAMED_BY[method] ?? '']
  return {
    'mcp-protocol-version': STATELESS_REVISION,
    'mcp-method': method,
    ...(typeof named === 'string' ? { 'mcp-name': headerText(named) } : {}),
  }
}

function headerText(value: string): string {
  return /^[\x21-\x7e]+$/.test(value) ? value : `=?base64?${Buffer.from(value).toString('base64')}?=`
}

/** What the answer says to the request `id`, be it JSON or an event stream. */
export function rpcAnswer(answer: Exchange, id: number): RpcAnswer {
  if (answer.outcome === 'failed') return { kind: 'none' }
  const said = messagesOf(answer).find((message) => message.id === id || 'error' in message)
  if (said === undefined) return { kind: 'none' }
  if (isObject(said.result) && said.id === id) return { kind: 'result', result: said.result }
  if (!isObject(said.error) || typeof said.error.code !== 'number') return { kind: 'none' }
  return { kind: 'error', code: said.error.code, message: String(said.error.message ?? '') }
}

function messagesOf({ headers, json, text }: Answered): Record<string, unknown>[] {
  const is_stream = (headers.get('content-type') ?? '').toLowerCase().startsWith('text/event-stream')
  const documents = is_stream ? eventsOf(text) : [json]
  return documents.flat().filter(isObject)
}

function eventsOf(text: string): unknown[] {
  return text.split(/\r?\n\r?\n|\r\r/).map((event) => {
    const data = event.split(/\r\n|\n|\r/).filter((line) => line.startsWith('data:'))
    return parseJson(data.map((line) => line.slice('data:'.length)).join('\n'))
  })
}

export type McpAsk = (method: string, params?: Record<string, unknown>) => Promise<Asked>
export type Asked = { answer: Exchange; said: RpcAnswer }

export type McpConnection = {
  /** What `initialize` came to. */
  opened: Asked
  /** Undefined where the server speaks no revision that the probe knows, or lets nobody in. */
  revision: string | undefined
  session_id: string | undefined
  ask: McpAsk
}

/** Opens a connection as a client of 2025 does; a server that has left those revisions behind is asked in the new way. */
export async function openMcp(target: McpTarget): Promise<McpConnection> {
  const request = initializeRequest()
  const answer = await postMcp(target, request)
  const said = rpcAnswer(answer, request.id)
  const opened = { answer, said }
  if (said.kind !== 'result' || answer.outcome === 'failed') return withoutSession(target, opened)
  const session_id = answer.headers.get('mcp-session-id') ?? undefined
  const { protocolVersion } = said.result
  const revision = typeof protocolVersion === 'string' ? protocolVersion : SESSION_REVISION
  const headers = sessionHeaders(revision, session_id)
  await postMcp(target, { jsonrpc: '2.0', method: 'notifications/initialized' }, headers)
  const ask: McpAsk = async (method, params) => {
    const request = rpcRequest(method, params)
    const answer = await postMcp(target, request, headers)
    return { answer, said: rpcAnswer(answer, request.id) }
  }
  return { opened, revision, session_id, ask }
}

async function withoutSession(target: McpTarget, opened: Asked): Promise<McpConnection> {
  const ask = statelessAsk(target)
  // What is refused for want of a token is refused in either way.
  const is_refused = opened.answer.outcome === 'failed' || [401, 403].includes(opened.answer.status)
  const discovered = is_refused ? opened : await ask('server/discover')
  const revision = discovered.said.kind === 'result' ? STATELESS_REVISION : undefined
  return { opened, revision, session_id: undefined, ask }
}

/** Asks as clients of 2026-07-28 do. */
function statelessAsk(target: McpTarget): McpAsk {
  return async (method, params) => {
    const request = statelessRequest(method, params)
    const answer = await postMcp(target, request, statelessHeaders(request))
    return { answer, said: rpcAnswer(answer, request.id) }
  }
}

/** Of every request after `initialize`. */
export function sessionHeaders(revision: string, session_id: string | undefined): Record<string, string> {
  const version = /^[\w.-]{1,32}$/.test(revision) ? revision : SESSION_REVISION
  return {
    'mcp-protocol-version': version,
    ...(session_id === undefined ? {} : { 'mcp-session-id': session_id }),
  }
}

export type ListedTools = { tools: McpTool[] | undefined; last: Asked }

/** All pages of `tools/list`, at most 20. `tools` is undefined when the server does not list them. */
export async function listTools(ask: McpAsk): Promise<ListedTools> {
  const tools: McpTool[] = []
  let cursor: string | undefined
  for (let page = 1; ; page++) {
    const last = await ask('tools/list', cursor === undefined ? {} : { cursor })
    if (last.said.kind !== 'result' || !Array.isArray(last.said.result.tools))
      return { tools: undefined, last }
    tools.push(...last.said.result.tools.flatMap(toolOf))
    const { nextCursor } = last.said.result
    if (typeof nextCursor !== 'string' || nextCursor === '' || page === PAGES_MAX) return { tools, last }
    cursor = nextCursor
  }
}

function toolOf(listed: unknown): McpTool[] {
  if (!isObject(listed) || typeof listed.name !== 'string') return []
  const hints = isObject(listed.annotations) ? listed.annotations : {}
  const { readOnlyHint, destructiveHint } = hints
  const destructive = typeof destructiveHint === 'boolean' ? destructiveHint : undefined
  return [{ name: listed.name, read_only: readOnlyHint === true, destructive }]
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
