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

const id = text.describe('The client_id that it authenticates with')

/** The only ones that are shown are those that were made here. */
function credentialLines({ client_id, client_secret, resource }: z.input<typeof credentials>): string[] {
  if (client_secret === undefined) return [`client_id: ${client_id}`, `resource:  ${resource}`]
  return [
    `client_id:     ${client_id}`,
    `client_secret: ${client_secret}`,
    `resource:      ${resource}`,
    'Keep the secret now: it is not shown again.',
  ]
}

export const listServers = defineAction({
  name: 'list_resource_servers',
  scope: 'operator:read',
  summary: 'Lists the MCP servers that may introspect tokens, and how each proves itself.',
  method: 'get',
  path: '/resource-servers',
  command: 'resource-servers list',
  cli: { columns: 'id resource authentication created_at rotated_at' },
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
  input: z.strictObject({ id }),
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
  cli: {
    arguments: ['resource'],
    options: { secret: '--secret-file' },
    read: { secret: 'file', jwks: 'json file' },
    lines: credentialLines,
  },
  page: '/operator/resource-servers',
  input: z
    .strictObject({
      resource: text.describe('Whose tokens it may see: the URL of the MCP server'),
      id: text.optional().describe('The client_id, where you want to choose it'),
      secret: text
        .optional()
        .describe('A secret of your own, which the answer does not repeat; the same again changes nothing'),
      jwks: jwks.optional(),
      ...why,
    })
    .refine(({ secret, jwks }) => !secret || !jwks, 'secret and jwks exclude each other'),
  output: credentials,
  run: async (context, { jwks, ...request }, caller) => {
    if (jwks) return addResourceServerWithKeys(context, { ...request, jwks }, caller)
    const { client_secret, ...identity } = await addResourceServer(context, request, caller)
    return request.secret === undefined ? { ...identity, client_secret } : identity
  },
})

export const rotateServerSecret = defineAction({
  name: 'rotate_resource_server_secret',
  scope: 'operator:admin',
  summary: 'Gives a resource server a new secret, shown once; the old one, or its keys, end at once.',
  method: 'post',
  path: '/resource-servers/{id}/rotate-secret',
  command: 'resource-servers rotate-secret',
  cli: {
    confirm: async (_, { id }) => `Replace the secret of ${id}? The one that it has now is refused at once.`,
    lines: credentialLines,
  },
  page: '/operator/resource-servers/:id/rotate-secret',
  input: z.strictObject({ id, ...why }),
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
  cli: {
    read: { jwks: 'json file' },
    confirm: async (_, { id }) => `Replace the keys or the secret of ${id}? Others are refused at once.`,
    lines: credentialLines,
  },
  page: '/operator/resource-servers/:id/rotate-keys',
  input: z.strictObject({ id, jwks, ...why }),
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
  cli: {
    confirm: async (_, { id }) => `Remove ${id}? Every call of its MCP server fails then.`,
    lines: ({ removed }) => [`Removed ${removed}.`],
  },
  page: '/operator/resource-servers/:id/remove',
  input: z.strictObject({ id, ...why }),
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
