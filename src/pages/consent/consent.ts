import { type Catalogue, findResource, grantableScopes } from '../../catalogue/catalogue.ts'
import { isLoopbackRedirect, redirectHost } from '../../clients/registration/redirect-uris.ts'
import type { Resource, Scope } from '../../permission/scopes.ts'
import { clientName, documentHost } from '../client-name.ts'
import { type ScopeView, scopeView } from '../scope-view.ts'

/** What a consent page shows and what a person's answer to it means. Pure. */
export type ConsentRequest = {
  catalogue: Catalogue
  resource: string
  requested: readonly string[]
  roles: readonly string[]
  username: string
  client: { client_id: string; name: string | undefined; redirect_uris: readonly string[] }
  redirect_uri: string
}

export type ConsentView = {
  username: string
  client: { name: string; host: string | undefined; verified: boolean }
  redirect_host: string
  loopback_only: boolean
  resource: { name: string; identifier: string }
  scopes: ScopeView[]
  unavailable: { name: string; description: string }[]
}

function requestedOf(resource: Resource, requested: readonly string[]): Scope[] {
  const names = new Set(requested)
  return resource.scopes.filter((scope) => names.has(scope.name))
}

/** A client known by the URL of its metadata document is who its host says; any other client only claims a name. */
function describeClient({ client_id, name }: ConsentRequest['client']): ConsentView['client'] {
  const host = documentHost(client_id)
  return { name: clientName(client_id, name), host, verified: host !== undefined }
}

/** The scopes that were asked for and that this account's roles allow, and those they do not. */
export function offeredScopes(request: ConsentRequest): {
  offered: Scope[]
  unavailable: Scope[]
  resource: Resource
} {
  const resource = findResource(request.catalogue, request.resource)
  if (!resource) throw new Error('a consent for a resource that is not in the catalogue')
  const grantable = grantableScopes(request.catalogue, resource, [...request.roles])
  const asked = requestedOf(resource, request.requested)
  return {
    resource,
    offered: asked.filter((scope) => grantable.has(scope.name)),
    unavailable: asked.filter((scope) => !grantable.has(scope.name)),
  }
}

export function consentView(request: ConsentRequest): ConsentView {
  const { resource, offered, unavailable } = offeredScopes(request)
  return {
    username: request.username,
    client: describeClient(request.client),
    redirect_host: redirectHost(request.redirect_uri),
    loopback_only: request.client.redirect_uris.every(isLoopbackRedirect),
    resource: { name: resource.name, identifier: resource.resource },
    scopes: offered.map((scope) => scopeView(resource, scope)),
    unavailable: unavailable.map(({ name, description }) => ({ name, description })),
  }
}

/** What the person ticked, limited to what was offered; everything else that was asked for is rejected. */
export function decideScopes(
  request: ConsentRequest,
  ticked: readonly string[],
): { granted: string[]; rejected: string[] } {
  const { offered } = offeredScopes(request)
  const wanted = new Set(ticked)
  const names = offered.map((scope) => scope.name)
  const granted = names.filter((name) => wanted.has(name))
  return { granted, rejected: request.requested.filter((name) => !granted.includes(name)) }
}
