/**
 * The catalogue: which protected resources there are, the scopes of each, the MCP tools, prompts and resources
 * each scope opens, and what each role may hold. This file has the pure rules; reading the file, printing changes and storing are its neighbours.
 */

import { expandScopes, type Resource } from '../permission/scopes.ts'

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
].concat(['includes', 'risk', 'grants', 'scopes', 'prompts'])

/** The catalogue as JSON with its keys in a fixed order: equal catalogues have equal documents. */
export function catalogueDocument(catalogue: Catalogue): string {
  return JSON.stringify(catalogue, DOCUMENT_KEYS)
}
