import { z } from 'zod'
import { holdersSchema, scopeHolders } from '../holders/holders.ts'
import { listResources, resourceSummary, resourceView, showResource } from '../holders/resources.ts'
import { defineAction } from './action.ts'
import { cursor, limit, text } from './fields.ts'

const resource = text.describe('The URL of the MCP server')

export const listAllResources = defineAction({
  name: 'list_resources',
  scope: 'operator:read',
  summary: 'Lists the protected resources of the catalogue in force, with their calls of the last 24 hours.',
  method: 'get',
  path: '/catalogue/resources',
  command: 'resources list',
  page: '/operator/catalogue',
  input: z.strictObject({ limit, after: cursor.optional() }),
  output: z.object({ resources: z.array(resourceSummary), next: z.string().optional() }),
  run: (context, page) => listResources(context, page),
})

export const showOneResource = defineAction({
  name: 'show_resource',
  scope: 'operator:read',
  summary: 'Shows one resource: what each of its scopes opens, which roles and how many live grants hold it.',
  method: 'get',
  path: '/catalogue/resource',
  command: 'resources show',
  cli: { arguments: ['resource'] },
  page: '/operator/catalogue/resource',
  input: z.strictObject({ resource }),
  output: resourceView,
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
  cli: { arguments: ['resource', 'scope'] },
  page: '/operator/catalogue/holders',
  input: z.strictObject({
    resource,
    scope: text.describe('One of its scopes'),
    limit,
    after: cursor.optional(),
  }),
  output: holdersSchema,
  run: (context, { limit, after, ...wanted }) => scopeHolders(context, wanted, { limit, after }),
})

export const RESOURCE_ACTIONS = [listAllResources, showOneResource, scopeHoldersOf]
