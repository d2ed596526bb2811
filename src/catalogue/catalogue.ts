/**
 * The catalogue: which protected resources there are, the scopes of each, the MCP tools each scope opens, and what
 * each role may hold. This file has the pure rules; reading the file, printing changes and storing are its neighbours.
 */

/** A scope of one resource. Its tools are opened by it and by every scope that includes it. */
export type Scope = {
  readonly name: string
  readonly description: string
  readonly tools: readonly string[]
  readonly includes: readonly string[]
  readonly risk?: 'destructive'
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

/** What the holder of a role may be granted, per resource. */
export type Role = {
  readonly name: string
  readonly grants: readonly { readonly resource: string; readonly scopes: readonly string[] }[]
}

/** Lists and not maps throughout, because the order is shown to people and jsonb does not keep the order of keys. */
export type Catalogue = {
  readonly resources: readonly Resource[]
  readonly roles: readonly Role[]
}

const MAX_RESOURCE_LENGTH = 2048
// RFC 3986 §3: scheme, authority without userinfo, path-abempty, query; a fragment never matches (RFC 8707 §2).
const RESOURCE =
  /^(https?):\/\/([^/?#@\\]+)(\/(?:[\w\-.~!$&'()*+,;=:@/]|%[0-9a-f]{2})*)?(\?(?:[\w\-.~!$&'()*+,;=:@/?]|%[0-9a-f]{2})*)?$/i

/**
 * The canonical form of an RFC 8707 §2 resource identifier: lower-case scheme and host, no default port, no lone `/`
 * path; a longer path and the query stay as they are. Undefined for what is not an absolute http or https URI, has a
 * fragment or userinfo, or is longer than 2048 characters. Never throws.
 */
export function canonicalResource(value: string): string | undefined {
  if (value.length > MAX_RESOURCE_LENGTH) return undefined
  const [, scheme = '', authority = '', path = '', query = ''] = RESOURCE.exec(value) ?? []
  // Only printable ASCII is a URI; anything else in the authority would be mapped or stripped by the URL parser.
  if (!/^[!-~]+$/.test(authority)) return undefined
  const url = URL.parse(`${scheme}://${authority}`)
  if (!url?.host) return undefined
  const canonical = `${url.protocol}//${url.host}${path === '/' ? '' : path}${query}`
  return canonical.length > MAX_RESOURCE_LENGTH ? undefined : canonical
}

/** Why `text` cannot identify a resource in a catalogue, each with what to do. Empty when it can. */
export function identifierFaults(text: string): string[] {
  const canonical = canonicalResource(text)
  const faults: string[] = []
  if (text.includes('#')) faults.push('has a fragment; remove the # and what follows it')
  if (/^https?:[/][/][^/?#]*@/i.test(text))
    faults.push('has a user name or password; remove what stands before the @')
  // RFC 8707 §2: it SHOULD NOT include a query component.
  if (text.includes('?')) faults.push('has a query; remove the ? and what follows it')
  if (canonical === undefined && faults.length === 0) {
    faults.push(
      'is not an absolute http or https URI of at most 2048 characters; write it like https://host/mcp',
    )
  }
  // Clients send what their URL parser makes of the address, and the path is compared as it is written.
  if (canonical && faults.length === 0 && canonicalResource(new URL(canonical).href) !== canonical) {
    faults.push('has . or .. in its path; write the path without them')
  }
  return faults
}

/** The resource that `value` names, compared in canonical form. */
export function findResource(catalogue: Catalogue, value: string): Resource | undefined {
  const canonical = canonicalResource(value)
  return canonical === undefined
    ? undefined
    : catalogue.resources.find((resource) => resource.resource === canonical)
}

/** What the file names: what is told to everybody, and what a request that names no resource may mean. */
export function publishedResources(catalogue: Catalogue): Resource[] {
  return catalogue.resources.filter(({ built_in }) => !built_in)
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

/** The tools that `scopes` open, with what they include; sorted by name. */
export function toolsForScopes(resource: Resource, scopes: Iterable<string>): string[] {
  const closure = expandScopes(resource, scopes)
  const tools = new Set<string>()
  for (const scope of resource.scopes) {
    if (closure.has(scope.name)) for (const tool of scope.tools) tools.add(tool)
  }
  return [...tools].filter((tool) => isToolAllowed(resource, closure, tool)).sort()
}

/** The scopes that an account with these roles may be granted on the resource. Unknown roles hold nothing. */
export function grantableScopes(
  catalogue: Catalogue,
  resource: Resource,
  roles: readonly string[],
): Set<string> {
  const held = catalogue.roles
    .filter((role) => roles.includes(role.name))
    .flatMap((role) => role.grants)
    .filter((grant) => grant.resource === resource.resource)
    .flatMap((grant) => grant.scopes)
  return expandScopes(resource, held)
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

/** The scopes meant by a request that names none (RFC 6749 §3.3). */
export function defaultScopes(resource: Resource): string[] {
  return [...resource.default_scopes]
}

const DOCUMENT_KEYS = [
  'resources',
  'roles',
  'resource',
  'name',
  'default_scopes',
  'description',
  'tools',
].concat(['includes', 'risk', 'grants', 'scopes'])

/** The catalogue as JSON with its keys in a fixed order: equal catalogues have equal documents. */
export function catalogueDocument(catalogue: Catalogue): string {
  return JSON.stringify(catalogue, DOCUMENT_KEYS)
}
