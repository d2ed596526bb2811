import { z } from 'zod'
import { scopeHolders } from '../holders/holders.ts'
import { listResources, showResource } from '../holders/resources.ts'
import { defineAction } from './action.ts'
import { cursor, limit, moment, text } from './fields.ts'

export const grant_count = z.object({
  count: z.int(),
  exact: z.boolean().describe('False: there may be more; not all grants were looked at'),
})

const calls = z.object({ allowed: z.number(), denied: z.number() })

const summary = z.object({
  resource: z.string(),
  name: z.string(),
  built_in: z.boolean().describe('Toolgate’s own: in every catalogue, and in no file'),
  scopes: z.int(),
  tools: z.int(),
  calls: calls.describe('Of the last 24 hours'),
})

export const listAllResources = defineAction({
  name: 'list_resources',
  scope: 'operator:read',
  summary: 'Lists the protected resources of the catalogue in force, with their calls of the last 24 hours.',
  method: 'get',
  path: '/catalogue/resources',
  command: 'resources list',
  page: '/operator/catalogue',
  input: z.strictObject({ limit, after: cursor.optional() }),
  output: z.object({ resources: z.array(summary), next: z.string().optional() }),
  run: (context, page) => listResources(context, page),
})

export const showOneResource = defineAction({
  name: 'show_resource',
  scope: 'operator:read',
  summary: 'Shows one resource: what each of its scopes opens, which roles and how many live grants hold it.',
  method: 'get',
  path: '/catalogue/resource',
  command: 'resources show',
  page: '/operator/catalogue/resource',
  input: z.strictObject({ resource: text }),
  output: summary.extend({
    default_scopes: z.array(z.string()),
    scope_details: z.array(
      z.object({
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
        live_grants: grant_count,
      }),
    ),
    called_tools: z.array(calls.extend({ tool: z.string() })).describe('Of the last 24 hours, at most 50'),
  }),
  run: (context, { resource }) => showResource(context, resource),
})

export const scopeHoldersOf = defineAction({
  name: 'scope_holders',
  scope: 'operator:read',
  summary:
    'Says who holds a scope: accounts that may by their roles, and the newest live grants that have it.',
  method: 'get',
  path: '/catalogue/holders',
  command: 'resources holders',
  page: '/operator/catalogue/holders',
  input: z.strictObject({ resource: text, scope: text, limit, after: cursor.optional() }),
  output: z.object({
    roles: z.array(z.string()).describe('Those that hold the scope'),
    accounts: z.array(
      z.object({
        id: z.string(),
        username: z.string(),
        roles: z.array(z.string()),
        disabled_at: moment.nullable(),
      }),
    ),
    next: z.string().optional().describe('For the next page of accounts'),
    live_grants: grant_count,
    newest_grants: z.array(
      z.object({
        id: z.string(),
        account_id: z.string(),
        username: z.string(),
        client_id: z.string(),
        scope: z.string(),
        created_at: moment,
        last_used_at: moment.nullable(),
      }),
    ),
  }),
  run: (context, { limit, after, ...wanted }) => scopeHolders(context, wanted, { limit, after }),
})

export const RESOURCE_ACTIONS = [listAllResources, showOneResource, scopeHoldersOf]
