import { type Catalogue, findResource, grantableScopes } from '../../catalogue/catalogue.ts'
import { receiverText } from '../../clients/registration/receiver.ts'
import type { ConnectedApp } from '../../grants/connected-apps-store.ts'
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
}

/** `roles` are those of the account. A resource or scope that the catalogue has no more keeps its bare name. */
export function appView(
  app: ConnectedApp,
  catalogue: Catalogue | undefined,
  roles: readonly string[],
): AppView {
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
  }
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

/** What stays when only `ticked` may: a scope that includes an unticked one goes with it, else nothing was taken back. */
export function keptScopes({ scopes }: Pick<AppView, 'scopes'>, ticked: readonly string[]): string[] {
  const unticked = new Set(scopes.map(({ name }) => name).filter((name) => !ticked.includes(name)))
  return scopes
    .filter(({ name, includes }) => !unticked.has(name) && !includes.some((each) => unticked.has(each.name)))
    .map(({ name }) => name)
}
