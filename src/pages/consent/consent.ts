import { grantLimitSeconds } from '../../authorization-server/operator-resource-rules.ts'
import { type Catalogue, findResource, grantableScopes } from '../../catalogue/catalogue.ts'
import { type Receiver, receiverName, receiverOf } from '../../clients/registration/receiver.ts'
import type { Growth } from '../../permission/consented.ts'
import { effectiveScopes, openedBy, type Resource, type Scope } from '../../permission/scopes.ts'
import { isDestructive, tickedScopes } from '../../permission/ticks.ts'
import { clientName, documentHost } from '../client-name.ts'
import { type ScopeView, scopeView } from '../scope-view.ts'

/** What a consent page shows and what a person's answer to it means. Pure. */
export type ConsentRequest = {
  catalogue: Catalogue
  catalogue_version: number
  resource: string
  requested: readonly string[]
  roles: readonly string[]
  username: string
  client: { client_id: string; name: string | undefined; is_added: boolean }
  redirect_uri: string
  /** Scopes for want of which this client was refused a call just now. */
  refused: readonly string[]
  /** What came since this person allowed this app the same scopes. */
  growth: readonly Growth[]
}

/** `host`: where its metadata document is. `named_by`: who chose the name that people read. */
export type AskingClient = {
  name: string
  host: string | undefined
  named_by: 'operator' | 'host' | 'itself'
}

/** What a person should think about: nobody can check the program or app, or the code goes elsewhere than the document is. */
export type Warning = 'loopback' | 'app' | 'elsewhere'

export type ConsentView = {
  username: string
  client: AskingClient
  receiver: { kind: Receiver['kind'] | 'unknown'; name: string }
  warnings: Warning[]
  resource: { name: string; identifier: string }
  catalogue_version: number
  /** Of what is offered, what the person has not seen like this. */
  growth: Growth[]
  scopes: (ScopeView & { ticked: boolean })[]
  unavailable: { name: string; description: string }[]
}

function requestedOf(resource: Resource, requested: readonly string[]): Scope[] {
  const names = new Set(requested)
  return resource.scopes.filter((scope) => names.has(scope.name))
}

/** Of a document only its host is certain: the name in it is as its makers like. */
function describeClient({ client_id, name, is_added }: ConsentRequest['client']): AskingClient {
  const host = documentHost(client_id)
  const named_by = is_added ? 'operator' : host === undefined ? 'itself' : 'host'
  return { name: clientName(client_id, name), host, named_by }
}

/** By who gets the code of this very request, whatever else the client registered. */
function warningsOf({ host }: AskingClient, receiver: Receiver | undefined): Warning[] {
  if (receiver?.kind === 'loopback' || receiver?.kind === 'app') return [receiver.kind]
  return host !== undefined && receiver?.host !== host ? ['elsewhere'] : []
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
  const receiver = receiverOf(request.redirect_uri)
  const client = describeClient(request.client)
  return {
    username: request.username,
    client,
    receiver: { kind: receiver?.kind ?? 'unknown', name: receiverName(request.redirect_uri) },
    warnings: warningsOf(client, receiver),
    resource: { name: resource.name, identifier: resource.resource },
    catalogue_version: request.catalogue_version,
    growth: shownGrowth(resource, offered, request.growth),
    scopes: offered.map((scope) => ({
      ...scopeView(resource, scope),
      // What cannot be undone is for the person to tick, unless the call that needs it was just refused.
      ticked: !isDestructive(resource, scope.name) || request.refused.includes(scope.name),
    })),
    unavailable: unavailable.map(({ name, description }) => ({ name, description })),
  }
}

export type ConsentDecision = {
  granted: string[]
  /** What these scopes open, with all that they include: what the consent amounts to. */
  opened: string[]
  rejected: string[]
  /** How long it counts at most, where that is shorter than configured. */
  limit_seconds: number | undefined
}

/** Each thing once, and only what ticking all that is offered would open. */
function shownGrowth(resource: Resource, offered: readonly Scope[], growth: readonly Growth[]): Growth[] {
  const names = offered.map(({ name }) => name)
  const opened = growth.filter(({ kind, name }) => openedBy(resource, kind, names).includes(name))
  return [...new Map(opened.map((each) => [`${each.kind} ${each.name}`, each])).values()]
}

/** What the person ticked, limited to what was offered; everything else that was asked for is rejected. */
export function decideScopes(request: ConsentRequest, ticked: readonly string[]): ConsentDecision {
  const { resource, offered } = offeredScopes(request)
  const names = offered.map((scope) => scope.name)
  const granted = tickedScopes(resource, names, ticked)
  const rejected = request.requested.filter((name) => !granted.includes(name))
  const limit_seconds = grantLimitSeconds(resource)
  return { granted, opened: effectiveScopes(resource, granted), rejected, limit_seconds }
}
