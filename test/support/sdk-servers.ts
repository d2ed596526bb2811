import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as v1_errors from '@modelcontextprotocol/sdk/server/auth/errors.js'
import { requireBearerAuth as v1RequireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js'
import { McpServer as V1Server } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { Transport as V1Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import {
  createMcpHandler,
  McpServer,
  OAuthError,
  requireBearerAuth,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import express from 'express'
import { type Guard, protectedResourceMetadataUrl } from '../../src/guard/index.ts'
import { protectServer, protectTransport, tokenVerifier } from '../../src/guard/mcp-sdk/index.ts'

/**
 * MCP servers as people have them on the SDK, behind the SDK's own bearer middleware, with three tools that write down
 * that they ran. Each is everything that a server has to do to be guarded.
 */
export type SdkServerStand = { fetch: (request: Request) => Promise<Response>; close(): Promise<void> }

/** By whom a tool was run. */
export type Ran = { tool: string; auth: { extra?: Record<string, unknown> } | undefined }

const TOOLS = ['get_note', 'delete_note', 'format_disk']
const INFO = { name: 'test', version: '1' }
const done = { content: [{ type: 'text' as const, text: 'done' }] }

function bearerOf(guard: Guard) {
  const { resource } = guard.settings
  return {
    resourceMetadataUrl: protectedResourceMetadataUrl(resource),
    expectedResource: new URL(resource),
  }
}

/** SDK v1: Express, and a transport for each session. */
export async function startV1WithSessions(
  guard: Guard,
  ran: Ran[],
): Promise<SdkServerStand & { url: string }> {
  const transports = new Map<string, StreamableHTTPServerTransport>()
  const open = async () => {
    const transport = protectTransport(
      guard,
      new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (id) => void transports.set(id, transport),
        onsessionclosed: (id) => void transports.delete(id),
      }),
    )
    const server = new V1Server(INFO)
    for (const tool of TOOLS)
      server.registerTool(tool, { description: 'Writes down that it ran' }, ({ authInfo }) => {
        ran.push({ tool, auth: authInfo })
        return done
      })
    // Members that may be undefined here may only be absent in the SDK's own interface.
    await server.connect(transport as V1Transport)
    return transport
  }
  const app = express()
  const verifier = tokenVerifier(guard, v1_errors)
  app.all(
    '/mcp',
    v1RequireBearerAuth({ verifier, ...bearerOf(guard) }),
    express.json(),
    async (request, response) => {
      const id = request.get('mcp-session-id')
      const transport = id === undefined ? await open() : transports.get(id)
      if (transport) await transport.handleRequest(request, response, request.body)
      else response.status(404).json({})
    },
  )
  const http = createServer(app)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  return {
    url: `http://localhost:${port}/mcp`,
    fetch: async (request) => {
      const { pathname } = new URL(request.url)
      const { method, headers, signal } = request
      const body = method === 'POST' ? { body: await request.text() } : {}
      return fetch(`http://127.0.0.1:${port}${pathname}`, { method, headers, signal, ...body })
    },
    close: async () => {
      const closed = new Promise((resolve) => http.close(resolve))
      http.closeAllConnections()
      await closed
    },
  }
}

function v2Server(ran: Ran[]): McpServer {
  const server = new McpServer(INFO)
  for (const tool of TOOLS)
    server.registerTool(tool, { description: 'Writes down that it ran' }, ({ http }) => {
      ran.push({ tool, auth: http?.authInfo })
      return done
    })
  return server
}

/** SDK v2: web standards, and a transport for each session. */
export async function startV2WithSessions(guard: Guard, ran: Ran[]): Promise<SdkServerStand> {
  const transports = new Map<string, WebStandardStreamableHTTPServerTransport>()
  const gate = requireBearerAuth({ verifier: tokenVerifier(guard, { OAuthError }), ...bearerOf(guard) })
  const open = async () => {
    const transport = protectTransport(
      guard,
      new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (id) => void transports.set(id, transport),
        onsessionclosed: (id) => void transports.delete(id),
      }),
    )
    await v2Server(ran).connect(transport)
    return transport
  }
  return {
    fetch: async (request) => {
      const authInfo = await gate(request)
      if (authInfo instanceof Response) return authInfo
      const id = request.headers.get('mcp-session-id')
      const transport = id === null ? await open() : transports.get(id)
      return transport ? transport.handleRequest(request, { authInfo }) : new Response(null, { status: 404 })
    },
    close: async () => {
      for (const transport of transports.values()) await transport.close()
    },
  }
}

/** SDK v2: `createMcpHandler`, which makes a server and a transport for every request. */
export async function startV2Handler(guard: Guard, ran: Ran[]): Promise<SdkServerStand> {
  const gate = requireBearerAuth({ verifier: tokenVerifier(guard, { OAuthError }), ...bearerOf(guard) })
  const mcp = createMcpHandler(() => protectServer(guard, v2Server(ran)))
  return {
    fetch: async (request) => {
      const authInfo = await gate(request)
      return authInfo instanceof Response ? authInfo : mcp.fetch(request, { authInfo })
    },
    close: () => mcp.close(),
  }
}
