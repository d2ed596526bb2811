import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decideMethod } from '../../src/permission/mcp-method.ts'
import type { Resource } from '../../src/permission/scopes.ts'

/** Who has a token, and which scopes count for it. */
export type StandInHolder = { sub: string; client_id?: string; scopes: readonly string[] }

export type DecisionStandIn = { issuer: string; asked: number; close(): Promise<void> }

/** Introspection over real HTTP with the real decision: the token is the name of its holder. */
export async function startDecisionStandIn(
  resource: Resource,
  holders: Record<string, StandInHolder>,
): Promise<DecisionStandIn> {
  const http = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    standIn.asked++
    const form = new URLSearchParams(Buffer.concat(chunks).toString())
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answer(resource, holders[form.get('token') ?? ''], form)))
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const standIn: DecisionStandIn = {
    issuer: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    asked: 0,
    close: async () => {
      const closed = new Promise((resolve) => http.close(resolve))
      http.closeAllConnections()
      await closed
    },
  }
  return standIn
}

function answer(resource: Resource, holder: StandInHolder | undefined, form: URLSearchParams): object {
  if (!holder) return { active: false }
  const { sub, client_id = 'c', scopes } = holder
  const exp = Math.floor(Date.now() / 1000) + 600
  const token = { active: true, sub, client_id, scope: scopes.join(' '), aud: resource.resource, exp }
  const method = form.get('mcp_method') ?? undefined
  if (method === undefined) return token
  const name = form.get('mcp_name') ?? undefined
  const decided = decideMethod({ resource, effective: scopes }, { mcp_method: method, mcp_name: name })
  return { ...token, mcp: { method, ...(name === undefined ? {} : { name }), ...decided } }
}
