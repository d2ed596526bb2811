/**
 * What a scope permits: which MCP tools, prompts and resources it opens, with what it includes. One rule, with which the
 * server decides about tokens and the guard decides where there are none. Pure, and of no package.
 */
import { opensResource } from './resource-pattern.ts'

export type Risk = 'read_only' | 'destructive'

/** What a scope can open. */
export type Kind = 'tools' | 'prompts' | 'resources'
export const KINDS: readonly Kind[] = ['tools', 'prompts', 'resources']

/** A scope of one resource. What it opens is opened by it and by every scope that includes it. */
export type Scope = {
  readonly name: string
  readonly description: string
  readonly tools: readonly string[]
  /** Names of prompts; absent when there are none. */
  readonly prompts?: readonly string[]
  /** URIs of MCP resources, each exact or with one `*` at its end; absent when there are none. */
  readonly resources?: readonly string[]
  readonly includes: readonly string[]
  /** Of what it opens. Only answers about what is read only may be kept by whoever asked. */
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

type Index = {
  scopes: Map<string, Scope>
  /** Of everything that is named exactly, the scopes that list it. */
  exact: Record<Kind, Map<string, string[]>>
  wildcards: { pattern: string; scope: string }[]
}

// A catalogue never changes once it is built, and every tool call asks it.
const indexes = new WeakMap<Resource, Index>()

function indexOf(resource: Resource): Index {
  const known = indexes.get(resource)
  if (known) return known
  const exact = { tools: new Map(), prompts: new Map(), resources: new Map() } satisfies Index['exact']
  const index: Index = { scopes: new Map(), exact, wildcards: [] }
  for (const scope of resource.scopes) {
    index.scopes.set(scope.name, scope)
    for (const kind of KINDS) for (const name of scope[kind] ?? []) enter(index, kind, name, scope.name)
  }
  indexes.set(resource, index)
  return index
}

function enter({ exact, wildcards }: Index, kind: Kind, name: string, scope: string): void {
  if (kind === 'resources' && name.endsWith('*')) wildcards.push({ pattern: name, scope })
  else exact[kind].set(name, [...(exact[kind].get(name) ?? []), scope])
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

/** All scopes it needs, for a challenge (RFC 6750 §3). Empty when no scope opens it: then it is denied. */
export function scopesFor(resource: Resource, kind: Kind, name: string): string[] {
  const { exact, wildcards } = indexOf(resource)
  const needed = exact[kind].get(name) ?? []
  if (kind !== 'resources' || wildcards.length === 0) return [...needed]
  const by_wildcard = wildcards.filter(({ pattern }) => opensResource(pattern, name))
  return [...new Set([...needed, ...by_wildcard.map(({ scope }) => scope)])]
}

/** The same for a tool. */
export function scopesForTool(resource: Resource, tool: string): string[] {
  return scopesFor(resource, 'tools', tool)
}

/** The risk of what needs these scopes: that of the one scope; of several, none but destructive. */
export function riskOfScopes(resource: Resource, needed: readonly string[]): Risk | undefined {
  const { scopes } = indexOf(resource)
  const risks = needed.map((name) => scopes.get(name)?.risk)
  if (risks.includes('destructive')) return 'destructive'
  return risks.length === 1 ? risks[0] : undefined
}

/** The names that `scopes` open, with what they include, sorted; of resources the URIs as the catalogue has them. */
export function openedBy(resource: Resource, kind: Kind, scopes: Iterable<string>): string[] {
  const closure = expandScopes(resource, scopes)
  const names = new Set<string>()
  for (const scope of resource.scopes) {
    if (closure.has(scope.name)) for (const name of scope[kind] ?? []) names.add(name)
  }
  // A wildcard is under the one scope that lists it; what else has several needs all of them.
  const isOpen = (name: string) =>
    (indexOf(resource).exact[kind].get(name) ?? []).every((s) => closure.has(s))
  return [...names].filter(isOpen).sort()
}

/** The tools that `scopes` open, with what they include; sorted by name. */
export function toolsForScopes(resource: Resource, scopes: Iterable<string>): string[] {
  return openedBy(resource, 'tools', scopes)
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

/** Whether a token with these scopes may have it: some scope opens it, and all that it needs are held. */
export function isOpened(resource: Resource, effective: Iterable<string>, kind: Kind, name: string): boolean {
  const needed = scopesFor(resource, kind, name)
  if (needed.length === 0) return false
  const held = expandScopes(resource, effective)
  return needed.every((scope) => held.has(scope))
}
