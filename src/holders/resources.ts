import { z } from 'zod'
import { type CallCounts, callsByResource, toolsOfResource } from '../audit/query/usage-hours-store.ts'
import { type Resource, toolsForScopes } from '../permission/scopes.ts'
import { keyset, type PageWanted, storableText } from '../storage/keyset.ts'
import {
  grantCount,
  grantCounts,
  type HolderDependencies,
  resourceInForce,
  rolesThatHold,
} from './holders.ts'

/** The resources of the catalogue in force, with what is called on them and who holds what. */
const callCounts = z.object({ allowed: z.number(), denied: z.number() })

export const resourceSummary = z.object({
  resource: z.string(),
  name: z.string(),
  built_in: z.boolean().describe('Toolgate’s own: in every catalogue, and in no file'),
  scopes: z.int(),
  tools: z.int(),
  calls: callCounts.describe('Of the last 24 hours'),
})
type ResourceSummary = z.infer<typeof resourceSummary>

const scopeView = z.object({
  name: z.string(),
  description: z.string(),
  tools: z.array(z.string()).readonly(),
  prompts: z.array(z.string()).readonly().optional(),
  resources: z.array(z.string()).readonly().optional().describe('URIs of MCP resources'),
  includes: z.array(z.string()).readonly(),
  destructive: z.boolean(),
  default: z.boolean().describe('Meant by a request that names no scope'),
  opens: z.array(z.string()).describe('Its own tools and those of the scopes that it includes'),
  roles: z.array(z.string()),
  live_grants: grantCount,
})

export const resourceView = resourceSummary.extend({
  default_scopes: z.array(z.string()),
  scope_details: z.array(scopeView),
  called_tools: z.array(callCounts.extend({ tool: z.string() })).describe('Of the last 24 hours, at most 50'),
})
export type ResourceView = z.infer<typeof resourceView>

const HOURS = 24
const CALLED_TOOLS_MAX = 50
const NO_CALLS: CallCounts = { allowed: 0, denied: 0 }

function summaryOf(resource: Resource, calls: CallCounts | undefined): ResourceSummary {
  const tools = new Set(resource.scopes.flatMap((scope) => scope.tools))
  return {
    resource: resource.resource,
    name: resource.name,
    built_in: resource.built_in === true,
    scopes: resource.scopes.length,
    tools: tools.size,
    calls: calls ?? NO_CALLS,
  }
}

const identifiers = keyset(z.object({ resource: storableText }))

/** In the catalogue's order; what a cursor ended with and is gone begins nothing. Throws `invalid_input` for an invalid one. */
export async function listResources(
  { db, catalogues }: HolderDependencies,
  page: PageWanted,
): Promise<{ resources: ResourceSummary[]; next?: string }> {
  const all = (await catalogues.current(db))?.catalogue.resources ?? []
  const { rows, ...more } = await identifiers.page(page, ({ limit, after }) => {
    const before = all.findIndex(({ resource }) => resource === after?.resource)
    return after && before === -1 ? [] : all.slice(before + 1, before + 1 + limit)
  })
  const calls = await callsByResource(db, HOURS)
  const resources = rows.map((resource) => summaryOf(resource, calls.get(resource.resource)))
  return { resources, ...more }
}

/** One resource with what each of its scopes opens and who holds it. Throws `not_found`. */
export async function showResource(
  dependencies: HolderDependencies,
  identifier: string,
): Promise<ResourceView> {
  const { db } = dependencies
  const { catalogue, resource } = await resourceInForce(dependencies, identifier)
  const [counts, calls, called_tools] = await Promise.all([
    grantCounts(db, resource),
    callsByResource(db, HOURS),
    toolsOfResource(db, { resource: resource.resource, hours: HOURS, limit: CALLED_TOOLS_MAX }),
  ])
  const scope_details = resource.scopes.map(({ risk, ...scope }) => ({
    ...scope,
    destructive: risk === 'destructive',
    default: resource.default_scopes.includes(scope.name),
    opens: toolsForScopes(resource, [scope.name]),
    roles: rolesThatHold(catalogue, resource, scope.name),
    live_grants: counts.get(scope.name) ?? { count: 0, exact: true },
  }))
  return {
    ...summaryOf(resource, calls.get(resource.resource)),
    default_scopes: [...resource.default_scopes],
    scope_details,
    called_tools,
  }
}
