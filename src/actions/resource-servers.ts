import { z } from 'zod'
import { resourceServer } from '../clients/resource-servers/resource-server-store.ts'
import {
  addResourceServer,
  addResourceServerWithKeys,
  pageOfResourceServers,
  removeResourceServer,
  rotateResourceServerKeys,
  rotateResourceServerSecret,
  showResourceServer,
} from '../clients/resource-servers/resource-servers.ts'
import { defineAction } from './action.ts'
import { cursor, limit, text, why } from './fields.ts'

/** Faults of single keys are told by their names, when the keys are read. */
const jwks = z
  .strictObject({ keys: z.array(z.record(z.string(), z.unknown())) })
  .describe('A JWK Set (RFC 7517) with its public keys; it then signs and has no secret')

const credentials = z.object({
  client_id: z.string(),
  client_secret: z.string().optional(),
  resource: z.string(),
})

export const listServers = defineAction({
  name: 'list_resource_servers',
  scope: 'operator:read',
  summary: 'Lists the MCP servers that may introspect tokens, and how each proves itself.',
  method: 'get',
  path: '/resource-servers',
  command: 'resource-servers list',
  page: '/operator/resource-servers',
  input: z.strictObject({ limit, after: cursor.optional() }),
  output: z.object({ resource_servers: z.array(resourceServer), next: z.string().optional() }),
  run: (context, page) => pageOfResourceServers(context, page),
})

export const showServer = defineAction({
  name: 'show_resource_server',
  scope: 'operator:read',
  summary: 'Shows one MCP server that may introspect tokens.',
  method: 'get',
  path: '/resource-servers/{id}',
  command: 'resource-servers show',
  page: '/operator/resource-servers/:id',
  input: z.strictObject({ id: text }),
  output: resourceServer,
  run: (context, { id }) => showResourceServer(context, id),
})

export const addServer = defineAction({
  name: 'add_resource_server',
  scope: 'operator:admin',
  summary:
    'Lets an MCP server introspect tokens of one resource. A secret is in the answer and is not shown again.',
  method: 'post',
  created: true,
  path: '/resource-servers',
  command: 'resource-servers add',
  page: '/operator/resource-servers',
  input: z.strictObject({
    resource: text.describe('Whose tokens it may see: the URL of the MCP server'),
    id: text.optional().describe('The client_id, where you want to choose it'),
    jwks: jwks.optional(),
    ...why,
  }),
  output: credentials,
  run: (context, { jwks, ...request }, caller) =>
    jwks
      ? addResourceServerWithKeys(context, { ...request, jwks }, caller)
      : addResourceServer(context, request, caller),
})

export const rotateServerSecret = defineAction({
  name: 'rotate_resource_server_secret',
  scope: 'operator:admin',
  summary: 'Gives a resource server a new secret, shown once; the old one, or its keys, end at once.',
  method: 'post',
  path: '/resource-servers/{id}/rotate-secret',
  command: 'resource-servers rotate-secret',
  page: '/operator/resource-servers/:id/rotate-secret',
  input: z.strictObject({ id: text, ...why }),
  output: credentials,
  run: (context, { id }, caller) => rotateResourceServerSecret(context, id, caller),
})

export const rotateServerKeys = defineAction({
  name: 'rotate_resource_server_keys',
  scope: 'operator:admin',
  summary: 'Gives a resource server these public keys, and no others; a secret that it had ends at once.',
  method: 'post',
  path: '/resource-servers/{id}/rotate-keys',
  command: 'resource-servers rotate-keys',
  page: '/operator/resource-servers/:id/rotate-keys',
  input: z.strictObject({ id: text, jwks, ...why }),
  output: credentials,
  run: (context, { id, jwks }, caller) => rotateResourceServerKeys(context, { id, jwks }, caller),
})

export const removeServer = defineAction({
  name: 'remove_resource_server',
  scope: 'operator:admin',
  summary: 'Removes a resource server; it is refused from the next introspection on.',
  method: 'delete',
  path: '/resource-servers/{id}',
  command: 'resource-servers remove',
  page: '/operator/resource-servers/:id/remove',
  input: z.strictObject({ id: text, ...why }),
  output: z.object({ removed: z.string() }),
  run: async (context, { id }, caller) => {
    await removeResourceServer(context, id, caller)
    return { removed: id }
  },
})

export const RESOURCE_SERVER_ACTIONS = [
  listServers,
  showServer,
  addServer,
  rotateServerSecret,
  rotateServerKeys,
  removeServer,
]
