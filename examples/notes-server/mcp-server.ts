import {
  createMcpHandler,
  type McpHandlerRequestOptions,
  McpServer,
  type RegisteredTool,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import type { AuthInfo } from 'toolgate-guard'
import { z } from 'zod'
import { Library, type Notebook } from './notes.ts'
import { TOOLS } from './tools.ts'

/** The notes server without any HTTP around it: it fits behind every adapter of the guard, which says who calls. */
export type NotesMcp = {
  fetch(request: Request, options?: McpHandlerRequestOptions): Promise<Response>
  close(): Promise<void>
}

/** Serves MCP 2026-07-28 and, from the same tools, the 2025 revisions: a fresh server for every request. */
export function createNotesMcp(library = new Library()): NotesMcp {
  return createMcpHandler(({ authInfo }) => {
    const { sub, tools } = callerOf(authInfo)
    const { server, registered } = createNotesMcpServer(library.notebookOf(sub))
    // Only the tools that the guard named for this request exist in it; that is also what `tools/list` shows.
    for (const [name, tool] of registered) if (!tools.includes(name)) tool.disable()
    return server
  })
}

const SESSIONS_MAX = 1_000

/** Serves the 2025 revisions in sessions: one server for all requests of a session, which the guard binds to its user. */
export function createNotesSessions(library = new Library()): NotesMcp {
  const open = new Map<string, WebStandardStreamableHTTPServerTransport>()

  async function begin(authInfo: McpHandlerRequestOptions['authInfo']) {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      onsessioninitialized: (id) => void open.set(id, transport),
      onsessionclosed: (id) => void open.delete(id),
    })
    await createListingServer(library.notebookOf(callerOf(authInfo).sub)).connect(transport)
    return transport
  }

  return {
    async fetch(request, options = {}) {
      const id = request.headers.get('mcp-session-id')
      if (id === null && open.size >= SESSIONS_MAX) return refuse(503, 'Too many sessions')
      const transport = id === null ? await begin(options.authInfo) : open.get(id)
      if (!transport) return refuse(404, 'Session not found')
      const response = await transport.handleRequest(request, options)
      return request.method === 'GET' ? openAtOnce(response) : response
    },
    async close() {
      await Promise.all([...open.values()].map((transport) => transport.close()))
    },
  }
}

/** `toNodeHandler` sends the head of a stream with its first piece; a comment lets the client know that it is open. */
function openAtOnce({ status, headers, body }: Response): Response {
  const comment = new TransformStream<Uint8Array, Uint8Array>({
    start: (pieces) => pieces.enqueue(new TextEncoder().encode(': open\n\n')),
  })
  return new Response(status === 200 && body ? body.pipeThrough(comment) : body, { status, headers })
}

/** Lives longer than one request, so each `tools/list` shows what the guard named for it. */
function createListingServer(notes: Notebook): McpServer {
  const { server, registered } = createNotesMcpServer(notes)
  server.server.setRequestHandler('tools/list', (_request, { http }) => {
    const { tools } = callerOf(http?.authInfo)
    return { tools: registered.filter(([name]) => tools.includes(name)).map(describeTool) }
  })
  return server
}

function describeTool([name, { description, annotations, inputSchema }]: [string, RegisteredTool]) {
  const schema = z.toJSONSchema(inputSchema as z.ZodType) as { type: 'object' }
  return { name, description, annotations, inputSchema: schema }
}

function createNotesMcpServer(notes: Notebook): {
  server: McpServer
  registered: [string, RegisteredTool][]
} {
  const server = new McpServer({ name: 'notes-server', version: '1.0.0' })
  const registered = Object.entries(TOOLS).map(([name, register]): [string, RegisteredTool] => [
    name,
    register(server, notes),
  ])
  return { server, registered }
}

function callerOf(authInfo: unknown): AuthInfo['extra'] {
  return (authInfo as AuthInfo).extra
}

function refuse(status: number, message: string): Response {
  return Response.json({ jsonrpc: '2.0', id: null, error: { code: -32001, message } }, { status })
}
