import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What one token opens, in the stand-in's eyes. */
export type StandInToken = Record<string, unknown> & { tools: string[] }

export type IntrospectionStandIn = {
  issuer: string
  tokens: Map<string, StandInToken>
  /** Names of the scopes that each tool needs; a tool that is missing here is opened by none. */
  scopes: Map<string, string>
  /** Answers every request in place of the stand-in when set. */
  override: { status: number; body: string; headers?: Record<string, string> } | 'hang' | undefined
  requests: { form: URLSearchParams; headers: IncomingHttpHeaders }[]
  /** What the guard told of calls. */
  reports: unknown[]
  close(): Promise<void>
}

export const RESOURCE_SERVER = { client_id: 'notes', client_secret: 'a_secret-with+odd%chars' }

/** A real HTTP server that answers introspections as the guard's contract says, from a table of tokens. */
export async function startIntrospectionStandIn(resource: string): Promise<IntrospectionStandIn> {
  const http = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    if (request.url?.endsWith('/reports')) return takeReports(standIn, response, text)
    const form = new URLSearchParams(text)
    standIn.requests.push({ form, headers: request.headers })
    const { override } = standIn
    if (override === 'hang') return
    if (override) return void response.writeHead(override.status, override.headers).end(override.body)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answer(standIn, resource, form)))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const standIn: IntrospectionStandIn = {
    issuer: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    tokens: new Map(),
    scopes: new Map(),
    override: undefined,
    requests: [],
    reports: [],
    close: async () => {
      const closed = new Promise((resolve) => http.close(resolve))
      http.closeAllConnections()
      await closed
    },
  }
  return standIn
}

function takeReports(standIn: IntrospectionStandIn, response: ServerResponse, text: string): void {
  const { reports } = JSON.parse(text) as { reports: unknown[] }
  standIn.reports.push(...reports)
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ accepted: reports.length, duplicates: 0, refused: [] }))
}

function answer(standIn: IntrospectionStandIn, resource: string, form: URLSearchParams): object {
  const token = standIn.tokens.get(form.get('token') ?? '')
  if (!token) return { active: false }
  const { tools, ...overrides } = token
  const exp = Math.floor(Date.now() / 1000) + 600
  const body = {
    active: true,
    sub: 'ada',
    client_id: 'c',
    scope: 'notes:read',
    aud: resource,
    exp,
    ...overrides,
  }
  const method = form.get('mcp_method')
  if (method === null) return body
  const name = form.get('mcp_name')
  const asked = { method, ...(name === null ? {} : { name }), scope: '', allowed: true }
  if (method === 'tools/list') return { mcp: { ...asked, tools }, ...body }
  if (method !== 'tools/call') return { mcp: asked, ...body }
  const scope = standIn.scopes.get(name ?? '') ?? ''
  return { mcp: { ...asked, scope, allowed: tools.includes(name ?? '') }, ...body }
}
