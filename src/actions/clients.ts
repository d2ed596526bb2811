import { z } from 'zod'
import { blockClient, unblockClient } from '../clients/client-blocks.ts'
import { listedClient, pageOfClients, showClient, shownClient } from '../clients/client-list.ts'
import { CLIENT_ORIGINS } from '../clients/client-list-store.ts'
import { addClient, forgetClient, rotateClientSecret } from '../clients/clients.ts'
import { defineAction } from './action.ts'
import { cursor, limit, moment, reason, text, why } from './fields.ts'

const client_id = text.describe('A client_id; in a path, percent-encoded where it is a URL')

const credentials = z.object({ client_id: z.string(), client_secret: z.string().optional() })

export const listAllClients = defineAction({
  name: 'list_clients',
  scope: 'operator:read',
  summary: 'Lists clients, newest first, however they came to be known, with their live grants and last use.',
  method: 'get',
  path: '/clients',
  command: 'clients list',
  page: '/operator/clients',
  input: z.strictObject({
    origin: z.enum(CLIENT_ORIGINS).optional(),
    text: text.optional().describe('Part of a name, a redirect URI or a client_id'),
    blocked: z.enum(['true', 'false']).optional(),
    limit,
    after: cursor.optional(),
  }),
  output: z.object({ clients: z.array(listedClient), next: z.string().optional() }),
  run: (context, { limit, after, blocked, ...filter }) =>
    pageOfClients(
      context,
      { ...filter, ...(blocked === undefined ? {} : { blocked: blocked === 'true' }) },
      { limit, after },
    ),
})

export const showOneClient = defineAction({
  name: 'show_client',
  scope: 'operator:read',
  summary:
    'Shows one client: what it says about itself, its newest grants, its document, and whether it is blocked.',
  method: 'get',
  path: '/clients/{client_id}',
  command: 'clients show',
  page: '/operator/clients/show',
  input: z.strictObject({ client_id }),
  output: shownClient,
  run: (context, { client_id }) => showClient(context, client_id),
})

export const blockOneClient = defineAction({
  name: 'block_client',
  scope: 'operator:revoke',
  summary: 'Blocks a client, also a metadata URL that was never seen, and revokes all its grants, at once.',
  method: 'post',
  path: '/clients/{client_id}/block',
  command: 'clients block',
  page: '/operator/clients/block',
  input: z.strictObject({ client_id, reason }),
  output: z.object({ client_id: z.string(), blocked_at: moment, revoked: z.array(z.string()) }),
  run: (context, { client_id, reason }, caller) => blockClient(context, client_id, { ...caller, reason }),
})

export const unblockOneClient = defineAction({
  name: 'unblock_client',
  scope: 'operator:admin',
  summary:
    'Lets a blocked client in again; what was revoked stays so. Unblocking what is not blocked is no error.',
  method: 'post',
  path: '/clients/{client_id}/unblock',
  command: 'clients unblock',
  page: '/operator/clients/unblock',
  input: z.strictObject({ client_id, ...why }),
  output: z.object({ client_id: z.string(), unblocked: z.boolean() }),
  run: (context, { client_id }, caller) => unblockClient(context, client_id, caller),
})

export const forgetOneClient = defineAction({
  name: 'forget_client',
  scope: 'operator:admin',
  summary: 'Removes the registration or the copied document of a client and revokes all its grants.',
  method: 'post',
  path: '/clients/{client_id}/forget',
  command: 'clients remove',
  page: '/operator/clients/forget',
  input: z.strictObject({ client_id, ...why }),
  output: z.object({ revoked: z.array(z.string()) }),
  run: (context, { client_id }, caller) => forgetClient(context, client_id, caller),
})

export const addOneClient = defineAction({
  name: 'add_client',
  scope: 'operator:admin',
  summary: 'Registers a client ahead of time. A secret is in the answer and is not shown again.',
  method: 'post',
  created: true,
  path: '/clients',
  command: 'clients add',
  page: '/operator/clients/add',
  input: z.strictObject({
    name: text,
    redirect_uris: z.array(text).min(1).max(10),
    confidential: z.boolean().default(false).describe('Give it a client_secret'),
    ...why,
  }),
  output: credentials,
  run: (context, input, caller) => addClient(context, input, caller),
})

export const rotateOneClientSecret = defineAction({
  name: 'rotate_client_secret',
  scope: 'operator:admin',
  summary: 'Gives a client that an operator added a new secret, shown once; the old one is refused at once.',
  method: 'post',
  path: '/clients/{client_id}/rotate-secret',
  command: 'clients rotate-secret',
  page: '/operator/clients/rotate-secret',
  input: z.strictObject({ client_id, ...why }),
  output: credentials,
  run: (context, { client_id }, caller) => rotateClientSecret(context, client_id, caller),
})

export const CLIENT_ACTIONS = [
  listAllClients,
  showOneClient,
  blockOneClient,
  unblockOneClient,
  forgetOneClient,
  addOneClient,
  rotateOneClientSecret,
]
