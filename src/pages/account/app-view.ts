import { type Catalogue, findResource, grantableScopes } from '../../catalogue/catalogue.ts'
import type { ConnectedApp } from '../../grants/connected-apps-store.ts'
import { expandScopes } from '../../permission/scopes.ts'

/** A connected app as its person reads it: with names and plain words in place of ids. Pure. */
export type ScopeView = {
  name: string
  description: string
  tools: readonly string[]
  prompts?: readonly string[] | undefined
  resources?: readonly string[] | undefined
  /** What it also opens, as the catalogue has it. */
  includes: { name: string; description: string }[]
  destructive: boolean
  /** Whether the account's roles allow it now. */
  available: boolean
}

export type AppView = ConnectedApp & {
  /** The person's own name for it, else the client's. */
  title: string
  client: string
  /** Where the client's document lies; undefined for a client that registered here under a name of its choice. */
  client_host: string | undefined
  resource_name: string
  scopes: ScopeView[]
}

/** What an app that says no name of its own is called. */
export function clientName(client_id: string, name: string | null | undefined): string {
  return name || documentHost(client_id) || 'An unnamed app'
}

function documentHost(client_id: string): string | undefined {
  return client_id.startsWith('https://') ? URL.parse(client_id)?.host : undefined
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
    resource_name: resource?.name ?? app.resource ?? 'nothing',
    scopes: scopesOf(app, catalogue, roles),
  }
}

function scopesOf(
  app: ConnectedApp,
  catalogue: Catalogue | undefined,
  roles: readonly string[],
): ScopeView[] {
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
    .map((scope) => {
      const included = expandScopes(resource, [scope.name])
      return {
        name: scope.name,
        description: scope.description,
        tools: scope.tools,
        prompts: scope.prompts,
        resources: scope.resources,
        includes: resource.scopes
          .filter(({ name }) => name !== scope.name && included.has(name))
          .map(({ name, description }) => ({ name, description })),
        destructive: scope.risk === 'destructive',
        available: grantable.has(scope.name),
      }
    })
}

/** What stays when only `ticked` may: a scope that includes an unticked one goes with it, else nothing was taken back. */
export function keptScopes({ scopes }: Pick<AppView, 'scopes'>, ticked: readonly string[]): string[] {
  const unticked = new Set(scopes.map(({ name }) => name).filter((name) => !ticked.includes(name)))
  return scopes
    .filter(({ name, includes }) => !unticked.has(name) && !includes.some((each) => unticked.has(each.name)))
    .map(({ name }) => name)
}
