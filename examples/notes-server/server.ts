import { createServer, type Server, type ServerResponse } from 'node:http'
import { hostHeaderValidation, toNodeHandler } from '@modelcontextprotocol/node'
import { createGuard, type GuardOptions } from 'toolgate-guard'
import { type NodeListener, protectNodeHandler } from 'toolgate-guard/node'
import { createNotesMcp } from './mcp-server.ts'

export type NotesServerOptions = {
  /** 0 = any free port. */
  port: number
  host?: string
  /** The URL of the MCP endpoint as people type it; `http://localhost:<port>/mcp` when absent. */
  resource?: string
  issuer: string
  introspection_endpoint?: string
  client_id: string
  client_secret: string
  cache?: GuardOptions['cache']
  on_error?: (error: Error) => void
}

/** `url` is where it listens; behind a proxy that is not what people type. */
export type NotesServer = { url: string; close(): Promise<void> }

/** The notes server on `node:http`, behind the guard. */
export async function startNotesServer(options: NotesServerOptions): Promise<NotesServer> {
  const { port, host = '127.0.0.1', ...rest } = options
  const http = createServer()
  await listen(http, port, host)
  const url = `http://localhost:${portOf(http)}/mcp`
  const resource = options.resource ?? url
  const mcp = createNotesMcp()
  const guard = createGuard({
    ...rest,
    resource,
    resource_name: 'Notes',
    default_scopes: ['notes:read'],
    scopes_supported: ['notes:read', 'notes:write', 'notes:delete'],
  })
  http.on('request', route(resource, protectNodeHandler(guard, toNodeHandler(mcp))))
  return {
    url,
    async close() {
      await mcp.close()
      await guard.close()
      const closed = new Promise((resolve) => http.close(resolve))
      http.closeAllConnections()
      await closed
    },
  }
}

function route(resource: string, guarded: NodeListener): NodeListener {
  // A page that rebinds its own name to this address still sends its own name as Host.
  const isHostKnown = hostHeaderValidation(['localhost', '127.0.0.1', '[::1]', new URL(resource).hostname])
  return async (request, response) => {
    if (!isHostKnown(request, response)) return
    if (request.url === '/healthz') answerHealth(response)
    else await guarded(request, response)
  }
}

function answerHealth(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}')
}

function listen(http: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, host, () => {
      http.off('error', reject)
      resolve()
    })
  })
}

function portOf(http: Server): number {
  const address = http.address()
  return typeof address === 'object' && address ? address.port : 0
}
