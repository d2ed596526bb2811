import {
  isToolAllowed,
  type Resource,
  type Risk,
  riskOfTool,
  scopesForTool,
  toolsForScopes,
} from './scopes.ts'

/** Methods that reveal and change nothing beyond what the connection itself does; any live token may use them. */
const OPEN_METHODS = new Set([
  'initialize',
  'ping',
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'logging/setLevel',
  'subscriptions/listen',
])

function isOpen(method: string): boolean {
  return OPEN_METHODS.has(method) || method.startsWith('notifications/')
}

/** What a caller holds on a resource: the scopes that count now. */
export type Held = { readonly resource: Resource; readonly effective: readonly string[] }

export type ToolDecision = { allowed: boolean; scope: string; risk?: Risk; tools?: string[] }

/** Pure: whether these scopes open an MCP message, and all scopes that it needs. */
export function decideMethod(
  { resource, effective }: Held,
  { mcp_method = '', mcp_name = '' }: { mcp_method?: string | undefined; mcp_name?: string | undefined },
): ToolDecision {
  if (mcp_method === 'tools/call') {
    const allowed = isToolAllowed(resource, effective, mcp_name)
    const risk = riskOfTool(resource, mcp_name)
    return { allowed, scope: scopesForTool(resource, mcp_name).join(' '), ...(risk ? { risk } : {}) }
  }
  if (mcp_method === 'tools/list')
    return { allowed: true, scope: '', tools: toolsForScopes(resource, effective) }
  return { allowed: isOpen(mcp_method), scope: '' }
}
