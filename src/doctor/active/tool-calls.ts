import { scopesForTool } from '../../permission/scopes.ts'
import type { McpAsk, McpTool } from '../crawl/mcp-session.ts'
import { type ReviewCrawl, toolsListed } from '../crawl/review-crawl.ts'
import type { ActiveProbe, ToolCall } from './active-probe.ts'

/** Calls a tool that is not among those `listed` for the token; rather one that destroys nothing, without arguments. */
export async function callClosedTool(
  ask: McpAsk,
  crawl: ReviewCrawl,
  probe: ActiveProbe,
  listed: readonly McpTool[],
): Promise<ToolCall | undefined> {
  const open = new Set(listed.map(({ name }) => name))
  const hinted = toolsListed(crawl, probe)
  const scopes = crawl.options.catalogue?.scopes ?? []
  const destructive = new Set([
    ...hinted.filter((tool) => tool.destructive !== false).map(({ name }) => name),
    ...scopes.filter(({ risk }) => risk === 'destructive').flatMap(({ tools }) => tools),
  ])
  const names = [...hinted.map(({ name }) => name), ...scopes.flatMap(({ tools }) => tools)]
  const closed = names.filter((name) => !open.has(name))
  const tool = closed.find((name) => !destructive.has(name)) ?? closed[0]
  return tool === undefined ? undefined : callTool(ask, crawl, tool)
}

/** Calls a tool that says of itself that it only reads. */
export async function callOpenTool(
  ask: McpAsk,
  crawl: ReviewCrawl,
  listed: readonly McpTool[],
): Promise<ToolCall | undefined> {
  const tool = listed.find(({ read_only }) => read_only)
  return tool && callTool(ask, crawl, tool.name)
}

async function callTool(ask: McpAsk, { options }: ReviewCrawl, tool: string): Promise<ToolCall> {
  const needed = options.catalogue && scopesForTool(options.catalogue, tool)
  return { tool, needed, ...(await ask('tools/call', { name: tool, arguments: {} })) }
}
