import { type Held, isOpenTo, openTo, riskTo } from './consented.ts'
import { type Kind, type Risk, scopesFor } from './scopes.ts'

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

// Names of vendors are among them; none that climbs into another method's path.
const NOTIFICATION = /^notifications(?:\/\w[\w.-]*)+$/

function isOpen(method: string): boolean {
  return OPEN_METHODS.has(method) || NOTIFICATION.test(method)
}

/** Methods that use one thing, which has to be opened by name. */
const USES = new Map<string, Kind>([
  ['tools/call', 'tools'],
  ['prompts/get', 'prompts'],
  ['resources/read', 'resources'],
  ['resources/subscribe', 'resources'],
  ['resources/unsubscribe', 'resources'],
])

/** Methods whose answer is to hold no more than what is opened. */
const LISTS = new Map<string, Kind>([
  ['tools/list', 'tools'],
  ['prompts/list', 'prompts'],
  ['resources/list', 'resources'],
  ['resources/templates/list', 'resources'],
])

/** How `completion/complete` is asked: what is completed, in the words of its `ref.type`. */
const REFERENCE = /^ref\/(prompt|resource):(.*)$/s

/** What a message uses: of which kind, and its name. Undefined for what only a method can be decided about. */
export function usedThing(
  mcp_method: string | undefined,
  mcp_name: string | undefined,
): { kind: Kind; name: string } | undefined {
  const kind = USES.get(mcp_method ?? '')
  if (kind) return { kind, name: mcp_name ?? '' }
  if (mcp_method !== 'completion/complete') return undefined
  // Whoever may have a prompt or resource may complete its arguments, which tells of it.
  const [, type, name = ''] = REFERENCE.exec(mcp_name ?? '') ?? []
  return type ? { kind: type === 'prompt' ? 'prompts' : 'resources', name } : undefined
}

/** `scope`: all that is needed. For lists: what is opened. */
export type ToolDecision = { allowed: boolean; scope: string; risk?: Risk } & { [kind in Kind]?: string[] }

/** Pure: whether these scopes open an MCP message, and all scopes that it needs. */
export function decideMethod(
  held: Held,
  { mcp_method = '', mcp_name }: { mcp_method?: string | undefined; mcp_name?: string | undefined },
): ToolDecision {
  const used = usedThing(mcp_method, mcp_name)
  if (used) {
    const needed = scopesFor(held.resource, used.kind, used.name)
    const risk = riskTo(held, used.kind, used.name)
    const allowed = isOpenTo(held, used.kind, used.name)
    return { allowed, scope: needed.join(' '), ...(risk ? { risk } : {}) }
  }
  const listed = LISTS.get(mcp_method)
  if (listed) return { allowed: true, scope: '', [listed]: openTo(held, listed) }
  return { allowed: isOpen(mcp_method), scope: '' }
}
