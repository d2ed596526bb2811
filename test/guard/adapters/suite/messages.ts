/** What MCP clients send, for tests that look at the answers themselves. */
export const call = (name: string, id: number | string = 1, args: Record<string, unknown> = {}) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
})

/** A call whose `name` is written with an escape, which is the same JSON. */
export function escapedCall(name: string, args: Record<string, unknown> = {}): string {
  const params = `{"arguments":${JSON.stringify(args)},"\\u006eame":${JSON.stringify(name)}}`
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`
}

export const LIST = { jsonrpc: '2.0', id: 'list', method: 'tools/list' }

export const INITIALIZE = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
}

export function headersOf(
  token: string | undefined,
  more: Record<string, string> = {},
): Record<string, string> {
  return {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...more,
  }
}

export function post(
  url: string,
  body: unknown,
  token: string | undefined = 'reader',
  more: Record<string, string> = {},
): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return fetch(url, { method: 'POST', headers: headersOf(token, more), body: text })
}

/** The JSON-RPC messages of an answer, whether it came as JSON or as server-sent events. */
export async function messagesOf(response: Response): Promise<Record<string, unknown>[]> {
  const text = await response.text()
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return [JSON.parse(text)].flat()
  return [...text.matchAll(/^data: (.+)$/gm)].flatMap(([, data = '']) => JSON.parse(data))
}
