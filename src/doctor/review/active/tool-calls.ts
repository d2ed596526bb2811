import { scopesForTool } from '../../../permission/scopes.ts'
import type { McpAsk, McpTool } from '../../probe/mcp-session.ts'
import { type Seen, toolsSeen } from '../seen.ts'
import type { SeenCall } from './active-seen.ts'

/** Calls a tool that is not among those `listed` for the token; rather one that destroys nothing, without arguments. */
export async function callClosedTool(
  ask: McpAsk,
  seen: Seen,
  listed: readonly McpTool[],
): Promise<SeenCall | undefined> {
  const open = new Set(listed.map(({ name }) => name))
  const { catalogue } = seen.options
  const hinted = toolsSeen(seen)
  const destructive = new Set([
    ...hinted.filter((tool) => tool.destructive !== false).map(({ name }) => name),
    ...(catalogue?.scopes ?? []).filter(({ risk }) => risk === 'destructive').flatMap(({ tools }) => tools),
  ])
  const names = [
    ...hinted.map(({ name }) => name),
    ...(catalogue?.scopes ?? []).flatMap(({ tools }) => tools),
  ]
  const closed = [...new Set(names)].filter((name) => !open.has(name))
  const tool = closed.find((name) => !destructive.has(name)) ?? closed[0]
  return tool === undefined ? undefined : callTool(ask, seen, tool)
}

/** Calls a tool that says of itself that it only reads. */
export async function callOpenTool(
  ask: McpAsk,
  seen: Seen,
  listed: readonly McpTool[],
): Promise<SeenCall | undefined> {
  const tool = listed.find(({ read_only }) => read_only)
  return tool && callTool(ask, seen, tool.name)
}

async function callTool(ask: McpAsk, { options: { catalogue } }: Seen, tool: string): Promise<SeenCall> {
  const { answer, said } = await ask('tools/call', { name: tool, arguments: {} })
  const needed = catalogue && scopesForTool(catalogue, tool)
  return { tool, answer, said, needed }
}
