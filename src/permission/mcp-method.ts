import { isToolAllowed, type Resource, scopesForTool, toolsForScopes } from './scopes.ts'

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

export type ToolDecision = { allowed: boolean; scope: string; tools?: string[] }

/** Pure: whether these scopes open an MCP message, and all scopes that it needs. */
export function decideMethod(
  { resource, effective }: Held,
  { mcp_method = '', mcp_name = '' }: { mcp_method?: string | undefined; mcp_name?: string | undefined },
): ToolDecision {
  if (mcp_method === 'tools/call')
    return {
      allowed: isToolAllowed(resource, effective, mcp_name),
      scope: scopesForTool(resource, mcp_name).join(' '),
    }
  if (mcp_method === 'tools/list')
    return { allowed: true, scope: '', tools: toolsForScopes(resource, effective) }
  return { allowed: isOpen(mcp_method), scope: '' }
}
