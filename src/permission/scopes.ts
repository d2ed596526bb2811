/**
 * What a scope permits: which MCP tools it opens, with what it includes. One rule, with which the server decides about
 * tokens and the guard decides where there are none. Pure, and of no package.
 */

export type Risk = 'read_only' | 'destructive'

/** A scope of one resource. Its tools are opened by it and by every scope that includes it. */
export type Scope = {
  readonly name: string
  readonly description: string
  readonly tools: readonly string[]
  readonly includes: readonly string[]
  /** Of its tools. Only answers about what is read only may be kept by whoever asked. */
  readonly risk?: Risk
}

/** A protected resource; `resource` is its RFC 8707 identifier in canonical form. */
export type Resource = {
  readonly resource: string
  readonly name: string
  readonly default_scopes: readonly string[]
  readonly scopes: readonly Scope[]
  /** Toolgate's own: in every catalogue, and in no file. */
  readonly built_in?: true
}

type Index = { scopes: Map<string, Scope>; scopes_of_tool: Map<string, string[]> }

// A catalogue never changes once it is built, and every tool call asks it.
const indexes = new WeakMap<Resource, Index>()

function indexOf(resource: Resource): Index {
  const known = indexes.get(resource)
  if (known) return known
  const index: Index = { scopes: new Map(), scopes_of_tool: new Map() }
  for (const scope of resource.scopes) {
    index.scopes.set(scope.name, scope)
    for (const tool of scope.tools) {
      index.scopes_of_tool.set(tool, [...(index.scopes_of_tool.get(tool) ?? []), scope.name])
    }
  }
  indexes.set(resource, index)
  return index
}

/** `scopes` and everything they include, directly or not. Scopes the resource does not have are dropped. */
export function expandScopes(resource: Resource, scopes: Iterable<string>): Set<string> {
  const known = indexOf(resource).scopes
  const closure = new Set<string>()
  const waiting = [...scopes]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const scope = known.get(name)
    if (!scope || closure.has(name)) continue
    closure.add(name)
    for (const included of scope.includes) waiting.push(included)
  }
  return closure
}

/** The cycles that `includes` makes, at most 100: the names along each, with the first repeated at the end. */
export function includeCycles(resource: Resource): string[][] {
  const { scopes } = indexOf(resource)
  const cycles: string[][] = []
  const finished = new Set<string>()
  const visit = (name: string, trail: readonly string[]): void => {
    const start = trail.indexOf(name)
    if (start >= 0 && cycles.length < 100) cycles.push([...trail.slice(start), name])
    if (start >= 0 || finished.has(name) || cycles.length >= 100) return
    for (const included of scopes.get(name)?.includes ?? []) visit(included, [...trail, name])
    finished.add(name)
  }
  for (const name of scopes.keys()) visit(name, [])
  return cycles
}

/** All scopes the tool needs, for a challenge (RFC 6750 §3). Empty when no scope opens it: such a tool is denied. */
export function scopesForTool(resource: Resource, tool: string): string[] {
  return [...(indexOf(resource).scopes_of_tool.get(tool) ?? [])]
}

/** The risk of a tool: that of the scope it is listed under; of several, none but destructive. */
export function riskOfTool(resource: Resource, tool: string): Risk | undefined {
  const { scopes, scopes_of_tool } = indexOf(resource)
  const risks = (scopes_of_tool.get(tool) ?? []).map((name) => scopes.get(name)?.risk)
  if (risks.includes('destructive')) return 'destructive'
  return risks.length === 1 ? risks[0] : undefined
}

/** The tools that `scopes` open, with what they include; sorted by name. */
export function toolsForScopes(resource: Resource, scopes: Iterable<string>): string[] {
  const closure = expandScopes(resource, scopes)
  const tools = new Set<string>()
  for (const scope of resource.scopes) {
    if (closure.has(scope.name)) for (const tool of scope.tools) tools.add(tool)
  }
  return [...tools].filter((tool) => isToolAllowed(resource, closure, tool)).sort()
}

/**
 * What remains when every one of `sets` has to agree: the intersection of their closures, in the catalogue's order.
 * Empty when no set is given.
 */
export function effectiveScopes(resource: Resource, ...sets: Iterable<string>[]): string[] {
  if (sets.length === 0) return []
  const closures = sets.map((scopes) => expandScopes(resource, scopes))
  return resource.scopes
    .map((scope) => scope.name)
    .filter((name) => closures.every((closure) => closure.has(name)))
}

/** Whether a token with these scopes may call the tool: some scope opens it, and all the tool needs are held. */
export function isToolAllowed(resource: Resource, effective: Iterable<string>, tool: string): boolean {
  const needed = indexOf(resource).scopes_of_tool.get(tool)
  if (!needed) return false
  const held = expandScopes(resource, effective)
  return needed.every((scope) => held.has(scope))
}
