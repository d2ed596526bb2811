import { createServer } from 'node:http'
import { toNodeHandler } from '@modelcontextprotocol/node'
import {
  createMcpHandler,
  McpServer,
  ResourceTemplate,
  type ToolAnnotations,
} from '@modelcontextprotocol/server'
import { listen } from '../../../src/guard/adapters/listen.ts'

/** An MCP server without any guard, that offers tools with these annotations. */
export function offering(tools: Record<string, ToolAnnotations | undefined>): McpServer {
  const server = new McpServer({ name: 'Notes MCP server', version: '2.0.1' })
  for (const [name, annotations] of Object.entries(tools))
    server.registerTool(
      name,
      { description: `Does ${name}`, ...(annotations ? { annotations } : {}) },
      () => ({
        content: [{ type: 'text', text: 'called' }],
      }),
    )
  server.registerPrompt('plan', { description: 'Plans' }, () => ({ messages: [] }))
  const nothing = () => ({ contents: [] })
  server.registerResource('index', 'other://index', {}, nothing)
  server.registerResource('first', 'notes://1', {}, nothing)
  server.registerResource('note', new ResourceTemplate('notes://{id}', { list: undefined }), {}, nothing)
  return server
}

export async function serveOffering(tools: Record<string, ToolAnnotations | undefined>) {
  const mcp = createMcpHandler(() => offering(tools))
  const handle = toNodeHandler(mcp)
  const http = createServer((request, response) => handle(request as never, response))
  const { port } = await listen({ settings: { mode: 'oauth' } } as never, http, { port: 0 })
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async close() {
      await mcp.close()
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}
