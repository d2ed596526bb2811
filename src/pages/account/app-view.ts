import { type Catalogue, findResource, grantableScopes } from '../../catalogue/catalogue.ts'
import { type CatalogueHistory, heldBy } from '../../catalogue/held.ts'
import { receiverText } from '../../clients/registration/receiver.ts'
import type { ConnectedApp } from '../../grants/connected-apps-store.ts'
import { type Growth, growthOf, type Held, openTo } from '../../permission/consented.ts'
import type { Kind } from '../../permission/scopes.ts'
import { clientName, documentHost } from '../client-name.ts'
import { type ScopeView, scopeView } from '../scope-view.ts'

/** A connected app as its person reads it: with names and plain words in place of ids. Pure. */
export type AppView = ConnectedApp & {
  /** The person's own name for it, else the client's. */
  title: string
  client: string
  /** Where the client's document lies; undefined for a client that registered here under a name of its choice. */
  client_host: string | undefined
  resource_name: string
  /** `available`: whether the account's roles allow it now. */
  scopes: (ScopeView & { available: boolean })[]
  /** What it may use now, made from what is open to it; with the words of the scope that each stands under. */
  may_use: MayUse[]
  /** What came under its scopes since the person allowed them, and is withheld until they see it. */
  withheld: Growth[]
  /** The tools that it was allowed to call, newest first. */
  called_tools: string[]
}

export type MayUse = { description: string } & Record<Kind, string[]>

/** `roles` are those of the account. A resource or scope that the catalogue has no more keeps its bare name. */
export function appView(
  app: ConnectedApp,
  history: CatalogueHistory | undefined,
  roles: readonly string[],
): AppView {
  const catalogue = history?.now
  const held =
    history && app.resource ? heldBy(history, { ...app, resource: app.resource }, roles) : undefined
  const client = clientName(app.client_id, app.client_name)
  const resource = catalogue && app.resource ? findResource(catalogue, app.resource) : undefined
  return {
    ...app,
    title: app.label ?? client,
    client,
    client_host: documentHost(app.client_id),
    receiver: app.receiver === null ? null : receiverText(app.receiver),
    resource_name: resource?.name ?? app.resource ?? 'nothing',
    scopes: scopesOf(app, catalogue, roles),
    may_use: held ? mayUse(held) : [],
    withheld: held ? growthOf(held) : [],
    // A call that was refused used nothing.
    called_tools: app.used_tools.filter(({ allowed }) => allowed > 0).map(({ tool }) => tool),
  }
}

function mayUse(held: Held): MayUse[] {
  const under = (names: readonly string[] | undefined, open: readonly string[]) =>
    open.filter((name) => names?.some((listed) => isWithin(listed, name)))
  const [tools, prompts, resources] = [
    openTo(held, 'tools'),
    openTo(held, 'prompts'),
    openTo(held, 'resources'),
  ]
  return held.resource.scopes
    .map((scope) => ({
      description: scope.description,
      tools: under(scope.tools, tools),
      prompts: under(scope.prompts, prompts),
      resources: under(scope.resources, resources),
    }))
    .filter((scope) => scope.tools.length + scope.prompts.length + scope.resources.length > 0)
}

/** What was seen of a wildcard may be less than the catalogue has now. */
function isWithin(listed: string, name: string): boolean {
  return listed === name || (listed.endsWith('*') && name.startsWith(listed.slice(0, -1)))
}

function scopesOf(
  app: ConnectedApp,
  catalogue: Catalogue | undefined,
  roles: readonly string[],
): AppView['scopes'] {
  const granted = app.scope.split(' ').filter(Boolean)
  const resource = catalogue && app.resource ? findResource(catalogue, app.resource) : undefined
  if (!catalogue || !resource)
    return granted.map((name) => ({
      ...{ name, description: name, tools: [], includes: [] },
      ...{ destructive: false, available: false },
    }))
  const grantable = grantableScopes(catalogue, resource, [...roles])
  return resource.scopes
    .filter(({ name }) => granted.includes(name))
    .map((scope) => ({ ...scopeView(resource, scope), available: grantable.has(scope.name) }))
}
