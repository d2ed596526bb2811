import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An MCP server and its authorization server, small and correct, in which a test plants one mistake. */
export type Answer = { status?: number; headers?: Record<string, string>; body?: unknown }

export type Parts = {
  /** The URL that people type. */
  url: string
  /** Origin of the MCP server, and issuer of the authorization server. */
  origin: string
  issuer: string
  resource_metadata: Record<string, unknown>
  server_metadata: Record<string, unknown>
  challenge: string
  /** By path at the MCP server, and at the authorization server. Undefined is 404. */
  mcp: Map<string, (request: IncomingMessage) => Answer | undefined>
  as: Map<string, (request: IncomingMessage) => Answer | undefined>
}

/** `requests` are written as `mcp: POST /mcp`. */
export type Deployment = { url: string; requests: string[]; close(): Promise<void> }

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-headers': '*, authorization',
  'access-control-allow-methods': 'GET, POST',
}
export const PRM = '/.well-known/oauth-protected-resource'
export const PRM_PATH = `${PRM}/mcp`
export const ASM = '/.well-known/oauth-authorization-server'

export function json(body: unknown, more: Answer = {}): Answer {
  return {
    body: JSON.stringify(body),
    ...more,
    headers: { 'content-type': 'application/json', ...CORS, ...more.headers },
  }
}

export function html(body: string, status = 200): Answer {
  return { status, body, headers: { 'content-type': 'text/html' } }
}

async function listen(name: string, routes: () => Parts['mcp'], requests: string[]) {
  const http = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://x')
    requests.push(`${name}: ${request.method} ${pathname}`)
    request.resume()
    const found = routes().get(pathname) ?? routes().get('*')
    const { status = 200, headers = {}, body = '' } = found?.(request) ?? { status: 404 }
    response.writeHead(status, headers).end(request.method === 'OPTIONS' ? '' : body)
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  return { http, port: (http.address() as AddressInfo).port }
}

const preflight = (request: IncomingMessage): Answer | undefined =>
  request.method === 'OPTIONS' ? { status: 204, headers: CORS } : undefined

function correctParts(origin: string, issuer: string): Parts {
  const url = `${origin}/mcp`
  const parts: Parts = {
    url,
    origin,
    issuer,
    resource_metadata: { resource: url, authorization_servers: [issuer], scopes_supported: ['notes:read'] },
    server_metadata: {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      registration_endpoint: `${issuer}/register`,
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['none', 'client_secret_basic', 'client_secret_post'],
    },
    challenge: `Bearer resource_metadata="${origin}${PRM_PATH}", scope="notes:read"`,
    mcp: new Map(),
    as: new Map(),
  }
  parts.mcp.set(
    '/mcp',
    (request) =>
      preflight(request) ?? json({}, { status: 401, headers: { 'www-authenticate': parts.challenge } }),
  )
  parts.mcp.set(PRM_PATH, () => json(parts.resource_metadata))
  parts.as.set(ASM, () => json(parts.server_metadata))
  parts.as.set('/authorize', () => html('<p>Unknown client</p>', 400))
  for (const path of ['/token', '/register'])
    parts.as.set(path, (request) => preflight(request) ?? json({}, { status: 400 }))
  return parts
}

/** Starts it, with what `plant` changes. */
export async function startDeployment(plant: (parts: Parts) => void = () => {}): Promise<Deployment> {
  const requests: string[] = []
  let parts: Parts | undefined
  const mcp = await listen('mcp', () => parts?.mcp ?? new Map(), requests)
  const as = await listen('as', () => parts?.as ?? new Map(), requests)
  parts = correctParts(`http://127.0.0.1:${mcp.port}`, `http://127.0.0.1:${as.port}`)
  plant(parts)
  return {
    url: parts.url,
    requests,
    async close() {
      for (const { http } of [mcp, as]) {
        const closed = new Promise((resolve) => http.close(resolve))
        http.closeAllConnections()
        await closed
      }
    },
  }
}
